"""Pictures and text of graphs: DOT, SVG, PNG, PDF, LaTeX and infix formulas."""
