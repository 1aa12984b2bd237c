"""A small program in each language, and what an operator must find in it."""

PYTHON = b"""\
import math


class Queue:
    def push(self, items):
        for item in items:
            for other in range(3):
                if item > 0 and other < 2:
                    continue
                self.total += item * 2.5
        return math.sqrt(self.total)


def last(values):
    index = 0
    while index < len(values):
        index += 1
        if not values:
            break
    return values[index - 1] if True else -1
"""
C = b"""\
#include <stdio.h>

static int sum(const int *values, int count) {
    int total = 0;
    for (int i = 0; i < count; i++) {
        for (int j = 0; j <= i; ++j) {
            if (values[j] > 0 && i != 7) {
                continue;
            }
            total += values[i] * 3;
        }
    }
    while (total > 100) {
        total -= 10;
        break;
    }
    return total - 0x1F;
}

int main(void) {
    int values[3] = {1, 2, 3};
    for (int i = 0; i < 3; i++) {
        values[0] += i;
    }
    printf("%d\\n", sum(values, 3));
    return 0;
}
"""
CPP = C.replace(b"#include <stdio.h>", b"#include <cstdio>").replace(
    b"while (total > 100) {", b"for (int one : {1, 2}) { total += one; }\n    while (true) {"
)
JAVASCRIPT = b"""\
function sum(values) {
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    for (const key of [1, 2]) {
      if (values[i] > 0 && key !== 7) {
        continue;
      }
      total += values[i] * 3.5;
    }
  }
  while (true) {
    total -= 10;
    break;
  }
  return total;
}

class Queue {
  push(value) {
    this.total = value + 1;
    for (let i = 0; i < 2; i++) {
      this.total += i;
    }
    return sum([this.total, 2]);
  }
}
console.log(new Queue().push(3));
"""
TYPESCRIPT = JAVASCRIPT.replace(b"(values)", b"(values: number[]): number").replace(
    b"push(value)", b"total = 0;\n  push(value: number): number"
)
GO = b"""\
package main

import "fmt"

func sum(values []int) int {
	total := 0
	for i := 0; i < len(values); i++ {
		for j := 0; j <= i; j++ {
			if values[j] > 0 && i != 7 {
				continue
			}
			total += values[i] * 3
		}
	}
	for true {
		total -= 10
		break
	}
	return total
}

func main() {
	values := []int{1, 2, 3}
	for i := 0; i < 3; i++ {
		values[0] += i
	}
	fmt.Println(sum(values))
}
"""
RUST = b"""\
struct Queue {
    total: f64,
}

impl Queue {
    fn push(&mut self, values: &[f64]) -> f64 {
        for i in 0..values.len() {
            for j in 0..3 {
                if values[i] > 0.5 && j != 2 {
                    continue;
                }
                self.total += values[i] * 2.5;
            }
        }
        let quick = true;
        while quick {
            self.total -= 1.0_f64;
            break;
        }
        self.total + 0.25
    }
}

fn main() {
    let mut queue = Queue { total: 0.0 };
    println!("{}", queue.push(&[1.0, 2.0]));
}
"""
SAMPLES = {
    "python": PYTHON,
    "c": C,
    "cpp": CPP,
    "javascript": JAVASCRIPT,
    "typescript": TYPESCRIPT,
    "go": GO,
    "rust": RUST,
}
