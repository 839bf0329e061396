"""What a log that lost its end leaves behind, found before it is read, and repaired by one command."""
