//! The lens: how a gene sees the series, and how what it then says is turned back.

/// Changed by genes of one step for those after them; a new step starts with a clear lens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lens {
    /// See square roots instead of values.
    pub root: bool,
    /// What is seen is less by this much, after the root.
    pub shift: f64,
    /// Share of the value before that is mixed into each one, 0..1.
    pub blur: f64,
    /// See only so many of the newest values; 0 means all.
    pub horizon: usize,
}

impl Lens {
    pub fn forward(&self, value: f64) -> f64 {
        let rooted = if self.root { value.abs().sqrt().copysign(value) } else { value };
        rooted - self.shift
    }

    pub fn backward(&self, seen: f64) -> f64 {
        let rooted = seen + self.shift;
        if self.root {
            rooted * rooted.abs()
        } else {
            rooted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lens;

    #[test]
    fn what_goes_through_the_lens_comes_back() {
        let lens = Lens { root: true, shift: 3.5, ..Lens::default() };
        for value in [-7.0, 0.0, 0.25, 190.0] {
            assert!((lens.backward(lens.forward(value)) - value).abs() < 1e-9);
        }
    }
}
