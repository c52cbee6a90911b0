"""What is known of matrices and elements, derived on the graph or said by its author."""
