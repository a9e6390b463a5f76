"""Label less, instantly."""
