// Fits and predicts with LIBSVM and prints one line of JSON. Only svm_train and svm_predict are timed.
//
// libsvm <train.f32> <train.i32> <rows> <test.f32> <test.i32> <rows> <cols> <kernel> <C> <gamma> <repeat>
//        [<class> <weight>]...
#include <libsvm/svm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void *slurp(const char *path, size_t bytes) {
  void *data = malloc(bytes);
  FILE *file = fopen(path, "rb");
  if (!file || fread(data, 1, bytes, file) != bytes) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(1);
  }
  fclose(file);
  return data;
}

// LIBSVM's sparse rows, zeros left out, as in its files.
static struct svm_node **rows_of(const float *data, int rows, int cols) {
  struct svm_node **x = malloc(rows * sizeof *x);
  for (int i = 0; i < rows; i++) {
    struct svm_node *node = x[i] = malloc((cols + 1) * sizeof *node);
    for (int j = 0; j < cols; j++)
      if (data[(size_t)i * cols + j] != 0) *node++ = (struct svm_node){j + 1, data[(size_t)i * cols + j]};
    node->index = -1;
  }
  return x;
}

static double *labels_of(const int32_t *codes, int rows) {
  double *y = malloc(rows * sizeof *y);
  for (int i = 0; i < rows; i++) y[i] = codes[i];
  return y;
}

static void quiet(const char *text) { (void)text; }

int main(int argc, char **argv) {
  if (argc < 12) return 2;
  const int rows = atoi(argv[3]), test_rows = atoi(argv[6]), cols = atoi(argv[7]), repeat = atoi(argv[11]);
  struct svm_problem problem = {
      rows, labels_of(slurp(argv[2], rows * 4ul), rows), rows_of(slurp(argv[1], 4ul * rows * cols), rows, cols)};
  struct svm_node **test = rows_of(slurp(argv[4], 4ul * test_rows * cols), test_rows, cols);
  const int32_t *truth = slurp(argv[5], test_rows * 4ul);

  struct svm_parameter parameters = {.svm_type = C_SVC, .degree = 3, .cache_size = 1000, .eps = 1e-3, .shrinking = 1};
  parameters.kernel_type = strcmp(argv[8], "linear") ? RBF : LINEAR;
  parameters.C = atof(argv[9]);
  parameters.gamma = atof(argv[10]);
  parameters.nr_weight = (argc - 12) / 2;
  parameters.weight_label = malloc((parameters.nr_weight + 1) * sizeof(int));
  parameters.weight = malloc((parameters.nr_weight + 1) * sizeof(double));
  for (int k = 0; k < parameters.nr_weight; k++) {
    parameters.weight_label[k] = atoi(argv[12 + 2 * k]);
    parameters.weight[k] = atof(argv[13 + 2 * k]);
  }
  svm_set_print_string_function(quiet);

  struct svm_model *model = NULL;
  printf("{\"fit\":[");
  for (int run = 0; run < repeat; run++) {
    if (model) svm_free_and_destroy_model(&model);
    double begun = now();
    model = svm_train(&problem, &parameters);
    printf("%s%.6f", run ? "," : "", now() - begun);
  }
  int right = 0;
  printf("],\"predict\":[");
  for (int run = 0; run < repeat; run++) {
    right = 0;
    double begun = now();
    for (int i = 0; i < test_rows; i++) right += (int)svm_predict(model, test[i]) == truth[i];
    printf("%s%.6f", run ? "," : "", now() - begun);
  }
  printf("],\"accuracy\":%.6f,\"supportVectors\":%d}\n", (double)right / test_rows, model->l);
  return 0;
}
