"""What is right and wrong about what AWS has, and how it is reported. Pure."""
