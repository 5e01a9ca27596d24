"""What Loci is measured against, each at its best settings."""
