// The most that one thread of this machine can do with 128-bit fused multiply-adds: 12 independent chains in
// registers, no memory. Prints GFLOP/s (a fused multiply-add of 4 numbers is 8 operations), best of 5.
#include <immintrin.h>
#include <stdio.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

int main(void) {
  const long rounds = 60000000;
  double best = 0;
  volatile float start = 0.5f;
  for (int run = 0; run < 5; run++) {
    __m128 a = _mm_set1_ps(start), b = _mm_set1_ps(0.999f);
    // Different starts: twelve equal chains would be compiled to one.
    __m128 s0 = _mm_set1_ps(start * 1), s1 = _mm_set1_ps(start * 2), s2 = _mm_set1_ps(start * 3);
    __m128 s3 = _mm_set1_ps(start * 4), s4 = _mm_set1_ps(start * 5), s5 = _mm_set1_ps(start * 6);
    __m128 s6 = _mm_set1_ps(start * 7), s7 = _mm_set1_ps(start * 8), s8 = _mm_set1_ps(start * 9);
    __m128 s9 = _mm_set1_ps(start * 10), s10 = _mm_set1_ps(start * 11), s11 = _mm_set1_ps(start * 12);
    double begun = now();
    for (long i = 0; i < rounds; i++) {
      s0 = _mm_fmadd_ps(s0, b, a), s1 = _mm_fmadd_ps(s1, b, a), s2 = _mm_fmadd_ps(s2, b, a);
      s3 = _mm_fmadd_ps(s3, b, a), s4 = _mm_fmadd_ps(s4, b, a), s5 = _mm_fmadd_ps(s5, b, a);
      s6 = _mm_fmadd_ps(s6, b, a), s7 = _mm_fmadd_ps(s7, b, a), s8 = _mm_fmadd_ps(s8, b, a);
      s9 = _mm_fmadd_ps(s9, b, a), s10 = _mm_fmadd_ps(s10, b, a), s11 = _mm_fmadd_ps(s11, b, a);
    }
    double rate = 12 * 8.0 * rounds / (now() - begun) / 1e9;
    __m128 sum = _mm_add_ps(_mm_add_ps(_mm_add_ps(s0, s1), _mm_add_ps(s2, s3)),
                            _mm_add_ps(_mm_add_ps(s4, s5), _mm_add_ps(s6, s7)));
    sum = _mm_add_ps(sum, _mm_add_ps(_mm_add_ps(s8, s9), _mm_add_ps(s10, s11)));
    volatile float keep = _mm_cvtss_f32(sum);
    (void)keep;
    if (rate > best) best = rate;
  }
  printf("%.2f\n", best);
  return 0;
}
