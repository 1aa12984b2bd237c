//! Finds cube roots by asking a function that counts how often it is asked.

use std::io::Read;

// EVOLVE-BLOCK-START
/// A number between 0 and 1000 whose cube is `x`, within 1e-9 of it. `excess(y)` is y³ - x.
fn cube_root(excess: &mut dyn FnMut(f64) -> f64) -> f64 {
    let mut low = 0.0;
    let mut high = 1000.0;
    while high - low > 1e-14 {
        let middle = low + (high - low) * 0.5;
        if middle <= low || middle >= high {
            break;
        }
        let value = excess(middle);
        if value > 0.0 {
            high = middle;
        } else {
            low = middle;
        }
    }
    low
}
// EVOLVE-BLOCK-END

fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    for word in text.split_whitespace() {
        let x: f64 = word.parse().unwrap();
        let mut calls = 0_u64;
        let root = cube_root(&mut |y| {
            calls += 1;
            y * y * y - x
        });
        println!("{:e} {}", root, calls);
    }
}
