"""What screens are put together from. What changes while it is looked at draws its lines itself."""
