"""graphc: one expression graph, its value, its derivatives by every known way, and their verdict."""
import graphc.ops
