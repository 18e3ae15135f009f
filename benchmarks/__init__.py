"""What is measured: each module one piece of work, side by side with the plain way and the physical floor."""
