"""The languages that programs are written in, a file each. Rust is that of its substrate."""
