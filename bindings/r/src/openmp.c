/* Threads of OpenMP that spin while they are idle take the cores from the engine's. Python tells OpenMP so in the environment before it
 * starts; R has started it already when a package is loaded. GNU's OpenMP spins only briefly while it manages more threads than there are
 * cores, so a thread that sleeps for ever keeps a team of its own, one larger than the cores, asleep too. Nothing is done where the
 * environment says how to wait. Cost: that many sleeping threads.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "mixnet_r.h"

#ifdef _OPENMP
#include <omp.h>

static sem_t team_is_there;

static void *sleep_with_team(void *unused) {
  int members = 0;
#pragma omp parallel num_threads(omp_get_num_procs() + 1)
  {
#pragma omp atomic
    members++;
  }
  sem_post(&team_is_there);
  for (;;) pause();
  return unused;
}

void mixnet_quiet_openmp(void) {
  pthread_t sleeper;
  pthread_attr_t detached;
  if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT")) return;
  /* Signals are R's. The team inherits the mask. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  sem_init(&team_is_there, 0, 0);
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  const int started = pthread_create(&sleeper, &detached, sleep_with_team, NULL) == 0;
  pthread_attr_destroy(&detached);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  while (started && sem_wait(&team_is_there) != 0) continue;
}
#else
void mixnet_quiet_openmp(void) {}
#endif
