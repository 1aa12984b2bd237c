/* Prints the sine of each number on stdin. */

#include <stdio.h>

// EVOLVE-BLOCK-START
/* The sine of x, for x between -1.6 and 1.6, without a library. */
static double sine(double x) {
    double square = x * x;
    double sum = 0.9;
    sum = sum - square * 0.1;
    sum = sum + square * square * 0.01;
    return x * sum;
}
// EVOLVE-BLOCK-END

int main(void) {
    double x;
    while (scanf("%lf", &x) == 1) {
        printf("%.17g\n", sine(x));
    }
    return 0;
}
