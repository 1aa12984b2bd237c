// Prints e to the power of each number on stdin.
package main

import (
	"bufio"
	"fmt"
	"os"
)

// EVOLVE-BLOCK-START

// power is e to the power of x, for x between -1 and 1, without a library.
func power(x float64) float64 {
	sum := 0.9
	sum += x * 0.9
	sum += x * x * 0.4
	sum += x * x * x * 0.1
	return sum
}

// EVOLVE-BLOCK-END

func main() {
	in := bufio.NewReader(os.Stdin)
	var x float64
	for {
		if _, err := fmt.Fscan(in, &x); err != nil {
			return
		}
		fmt.Printf("%.17g\n", power(x))
	}
}
