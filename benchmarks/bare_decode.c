/* Nothing but decoding: JPEG files, read into memory before, to red, green, blue at full size by libjpeg(-turbo) on so many threads.
 * bare_decode THREADS < PATHS prints the seconds that all of them took. cc -O2 bare_decode.c -ljpeg -lpthread */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jpeglib.h>

typedef struct {
  unsigned char *bytes;
  size_t size;
} file_t;

enum { MAX_FILES = 100000, MAX_THREADS = 256 };
static file_t files[MAX_FILES];
static int count;
static atomic_int next_file;
static atomic_long pixels;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int load(const char *path, file_t *file) {
  FILE *in = fopen(path, "rb");
  long size;
  if (!in || fseek(in, 0, SEEK_END) != 0 || (size = ftell(in)) <= 0) return 0;
  rewind(in);
  file->size = (size_t)size;
  file->bytes = malloc(file->size);
  size = (long)fread(file->bytes, 1, file->size, in);
  fclose(in);
  return size == (long)file->size;
}

/* Into the same memory every time, as a loop that reuses its buffers would. */
static unsigned char *decode(struct jpeg_decompress_struct *jpeg, const file_t *file, unsigned char *memory,
                             size_t *size) {
  size_t stride;
  jpeg_mem_src(jpeg, file->bytes, file->size);
  jpeg_read_header(jpeg, TRUE);
  jpeg->out_color_space = JCS_RGB;
  jpeg_start_decompress(jpeg);
  stride = (size_t)jpeg->output_width * 3;
  if (*size < stride * jpeg->output_height) {
    *size = stride * jpeg->output_height;
    memory = realloc(memory, *size);
  }
  while (jpeg->output_scanline < jpeg->output_height) {
    JSAMPROW rows[8];
    int i;
    for (i = 0; i < 8; ++i) rows[i] = memory + stride * (jpeg->output_scanline + (unsigned)i);
    jpeg_read_scanlines(
        jpeg, rows, jpeg->output_height - jpeg->output_scanline < 8 ? jpeg->output_height - jpeg->output_scanline : 8);
  }
  jpeg_finish_decompress(jpeg);
  atomic_fetch_add(&pixels, (long)jpeg->output_width * (long)jpeg->output_height);
  return memory;
}

static void *work(void *unused) {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  unsigned char *memory = NULL;
  size_t size = 0;
  int i;
  jpeg.err = jpeg_std_error(&errors); /* ends the program: the files are good */
  jpeg_create_decompress(&jpeg);
  while ((i = atomic_fetch_add(&next_file, 1)) < count) memory = decode(&jpeg, &files[i], memory, &size);
  jpeg_destroy_decompress(&jpeg);
  free(memory);
  return unused;
}

int main(int argc, char **argv) {
  const int threads = argc > 1 ? atoi(argv[1]) : 0;
  pthread_t started[MAX_THREADS];
  char path[4096];
  double begin;
  int i;
  if (threads < 1 || threads > MAX_THREADS) {
    fprintf(stderr, "bare_decode THREADS < PATHS\n");
    return 2;
  }
  while (count < MAX_FILES && fgets(path, sizeof path, stdin)) {
    path[strcspn(path, "\n")] = 0;
    if (!load(path, &files[count++])) {
      fprintf(stderr, "bare_decode: %s cannot be read\n", path);
      return 1;
    }
  }
  begin = now();
  for (i = 0; i < threads; ++i)
    if (pthread_create(&started[i], NULL, work, NULL) != 0) return 1;
  for (i = 0; i < threads; ++i) pthread_join(started[i], NULL);
  begin = now() - begin;
  printf("{\"seconds\": %.6f, \"images\": %d, \"pixels\": %ld}\n", begin, count, atomic_load(&pixels));
  return 0;
}
