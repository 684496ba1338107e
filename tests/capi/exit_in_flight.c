/* A program may return from main while work is under way, without mxn_shutdown: no crash, no hang. Runs itself many times.
 *
 * The first argument says which work: "ops" (a chain of large operators), "tasks" (functions of the program that are slow), "error" (an
 * error nobody asked for), "thread" (another thread is pushing while main returns), "queue" (functions that wait for main's thread). */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mixnet/c_api.h"

#define MUST(call)                                         \
  do {                                                     \
    char message[256];                                     \
    if ((call) != 0) {                                     \
      mxn_error_copy(message, sizeof message);             \
      fprintf(stderr, "failed: %s: %s\n", #call, message); \
      exit(3);                                             \
    }                                                      \
  } while (0)

static int32_t slow(void *user) {
  (void)user;
  usleep(2000);
  return 0;
}

static mxn_ndarray_t *array(int64_t rows) {
  int64_t shape[2];
  mxn_ndarray_t *a = NULL;
  void *data;
  shape[0] = shape[1] = rows;
  MUST(mxn_ndarray_create(shape, 2, MXN_FLOAT32, MXN_DEVICE_CPU, 0, &a));
  MUST(mxn_ndarray_data(a, &data));
  memset(data, 0, (size_t)(rows * rows) * 4);
  return a;
}

static void push_operators(int count) {
  const mxn_op_t *dot = NULL;
  mxn_ndarray_t *a = array(96), *b = array(96);
  int i;
  MUST(mxn_op_find("dot", &dot));
  for (i = 0; i < count; ++i) {
    mxn_ndarray_t *in[2], *out[1];
    int32_t n = 1;
    in[0] = i % 2 ? b : a;
    in[1] = a;
    out[0] = i % 2 ? a : b;
    if (mxn_op_invoke(dot, in, 2, NULL, 0, 0, MXN_DEVICE_CPU, 0, out, 1, &n) != 0) return;
  }
}

static void push_tasks(int count) {
  mxn_variable_t *v = NULL;
  int i;
  MUST(mxn_variable_create(&v));
  for (i = 0; i < count; ++i) MUST(mxn_engine_push(slow, NULL, NULL, NULL, 0, &v, 1, NULL, 0, NULL, 0, 0));
}

static int32_t fails(void *user) {
  (void)user;
  mxn_error_set(MXN_ERROR_USER, "[test] on purpose");
  return MXN_ERROR_USER;
}

static void *keep_pushing(void *unused) {
  (void)unused;
  for (;;) push_operators(100);
  return NULL;
}

static int work(const char *what) {
  pthread_t thread;
  if (strcmp(what, "queue") == 0) MUST(mxn_queue_open());
  if (strcmp(what, "tasks") == 0 || strcmp(what, "queue") == 0) push_tasks(1000);
  if (strcmp(what, "error") == 0) MUST(mxn_engine_push(fails, NULL, NULL, NULL, 0, NULL, 0, NULL, 0, NULL, 0, 0));
  if (strcmp(what, "thread") == 0) {
    if (pthread_create(&thread, NULL, keep_pushing, NULL) != 0) return 3;
    usleep(1000);
  }
  push_operators(1000);
  return 0;
}

int main(int argc, char **argv) {
  static const char *const kinds[] = {"ops", "tasks", "error", "thread", "queue"};
  int i, failures = 0, rounds = argc > 2 ? atoi(argv[2]) : 25;
  if (argc > 1 && strcmp(argv[1], "all") != 0) return work(argv[1]);
  for (i = 0; i < 5 * rounds; ++i) {
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
      alarm(60); /* kept by exec */
      execl("/proc/self/exe", argv[0], kinds[i % 5], (char *)NULL);
      _exit(127);
    }
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
    ++failures;
    printf("%s: %s %d\n", kinds[i % 5], WIFSIGNALED(status) ? "signal" : "status",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  }
  printf("%d failures\n", failures);
  return failures != 0;
}
