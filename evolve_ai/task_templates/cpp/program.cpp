// Forecasts each value of a series from the values before it.

#include <cstdio>

// EVOLVE-BLOCK-START
// The next value, from `count` earlier ones (at least four); the last one is the latest.
double forecast(const double* past, int count) {
    int last = count - 1;
    double next = 0.5 * past[last];
    next += 0.1 * past[last - 1];
    next += 0.1 * past[last - 2];
    next += 0.1 * past[last - 3];
    return next;
}
// EVOLVE-BLOCK-END

int main() {
    static double past[100000];
    int count = 0;
    while (count < 100000 && std::scanf("%lf", &past[count]) == 1) {
        count++;
        if (count >= 4) {
            std::printf("%.17g\n", forecast(past, count));
        }
    }
}
