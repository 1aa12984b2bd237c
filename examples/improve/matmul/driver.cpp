// For each of some sizes n: reads matrices a and b of n times n numbers from stdin, adds a * b to a
// matrix of zeros `times` times, and writes that to stdout. Writes to stderr n and the fastest of these
// multiplications, in seconds of processor time.

#include <cstdio>
#include <cstdlib>
#include <ctime>

void multiply(const double* a, const double* b, double* c, int n);

static double now() {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + 1e-9 * time.tv_nsec;
}

static bool run(int n, int times) {
    size_t count = size_t(n) * n;
    double* a = static_cast<double*>(std::malloc(count * sizeof(double)));
    double* b = static_cast<double*>(std::malloc(count * sizeof(double)));
    double* c = static_cast<double*>(std::calloc(count, sizeof(double)));
    bool good = std::fread(a, sizeof(double), count, stdin) == count &&
                std::fread(b, sizeof(double), count, stdin) == count;
    double fastest = 1e9;
    for (int time = 0; good && time < times; time++) {
        double begin = now();
        multiply(a, b, c, n);
        double seconds = now() - begin;
        if (seconds < fastest) fastest = seconds;
    }
    std::fprintf(stderr, "%d %.9f\n", n, fastest);
    return good && std::fwrite(c, sizeof(double), count, stdout) == count;
}

int main(int count, char** words) {
    for (int at = 2; at < count; at++) {
        if (!run(std::atoi(words[at]), std::atoi(words[1]))) return 1;
    }
}
