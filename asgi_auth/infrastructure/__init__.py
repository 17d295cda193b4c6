"""What production needs and no rule depends on."""
