"""What a run said, as rows of text: folded, windowed, searched. Pure, but for the window and the search."""
