"""What clinvk talks about. Standard library only, no input or output."""
