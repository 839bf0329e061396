"""What a log that lost its end leaves behind, found before anything reads it, and mended by one command."""
