/* Reading a file of records in order, beside reading the same bytes as cat does (read() into one buffer): a 512 MB file that the system has in memory,
 * turn by turn. records_bench [PATH]; the file is made and removed. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "mixnet/c_api.h"

enum { ROUNDS = 9, RECORD = 50000, RECORDS = 10240 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static int make(const char *path) {
  static unsigned char record[RECORD];
  mxn_record_writer_t *writer = NULL;
  int64_t place = 0;
  int i;
  if (mxn_record_writer_create(path, 0, &writer) != 0) return 1;
  for (i = 0; i < RECORD; ++i) record[i] = (unsigned char)rand();
  for (i = 0; i < RECORDS; ++i)
    if (mxn_record_writer_write(writer, record, RECORD - i % 7, &place) != 0) return 1;
  if (mxn_record_writer_flush(writer, 1) != 0) return 1;
  mxn_record_writer_free(writer);
  return 0;
}

static double read_records(const char *path) {
  const double begin = now();
  mxn_record_reader_t *reader = NULL;
  void *data = NULL;
  int64_t bytes = 0, count = 0;
  if (mxn_record_reader_create(path, 0, 1, &reader) != 0) exit(1);
  while (mxn_record_reader_next(reader, &data, &bytes) == 0 && data) ++count;
  mxn_record_reader_free(reader);
  if (count != RECORDS) exit(1);
  return now() - begin;
}

static double read_bytes(const char *path) {
  const size_t size = 128 << 10; /* cat's */
  const double begin = now();
  char *buffer = malloc(size);
  const int file = open(path, O_RDONLY);
  while (read(file, buffer, size) > 0) continue;
  close(file);
  free(buffer);
  return now() - begin;
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "/tmp/mixnet_records_bench.rec";
  double records[ROUNDS], bytes[ROUNDS];
  const double size = (double)RECORD * RECORDS / 1e9;
  int i;
  if (make(path) != 0) return 1;
  read_bytes(path);
  for (i = 0; i < ROUNDS; ++i) records[i] = read_records(path), bytes[i] = read_bytes(path);
  unlink(path);
  qsort(records, ROUNDS, sizeof(double), by_value);
  qsort(bytes, ROUNDS, sizeof(double), by_value);
  printf("records %.2f GB/s, cat %.2f GB/s: %.0f %%\n", size / records[ROUNDS / 2], size / bytes[ROUNDS / 2],
         100 * bytes[ROUNDS / 2] / records[ROUNDS / 2]);
  return 0;
}
