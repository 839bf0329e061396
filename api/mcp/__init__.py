"""S1's reads as tools of the Model Context Protocol: the same requests, by other names."""
