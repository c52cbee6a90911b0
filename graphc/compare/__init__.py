"""Run the engines on a problem, reach the verdict, write the report."""
