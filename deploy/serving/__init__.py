"""Each noun's part of the edge. Workers do not import it: a framework for HTTP is half of their start."""
