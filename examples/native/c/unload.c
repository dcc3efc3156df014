/*
 * Loads the library, uses a session, tears it down and unloads the library, a thousand times: it is really gone each
 * time, and leaves no thread, descriptor, mapping or memory. `unload PATH`; on Linux with glibc, which tells.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linkcheck.h"

#if !defined(__linux__) || !defined(__GLIBC__)
int main(void) {
  return 0;
}
#else

#define ROUNDS 1000
#define WARM_UP 100

static int failures = 0;

static void expect(int holds, const char *what, int round) {
  if (holds) return;
  if (failures++ < 5) fprintf(stderr, "round %d: %s\n", round, what);
}

/* `.` and `..` and, of descriptors, the one that lists are always among them. */
static int entries(const char *folder) {
  DIR *open = opendir(folder);
  int count = 0;
  while (open != NULL && readdir(open) != NULL) count++;
  if (open != NULL) closedir(open);
  return count;
}

typedef struct {
  int lines;
  int of_library;
} Maps;

static Maps maps(const char *path) {
  Maps found = {0, 0};
  char *line = NULL;
  size_t size = 0;
  FILE *file = fopen("/proc/self/maps", "r");
  while (file != NULL && getline(&line, &size, file) > 0) {
    found.lines++;
    if (strstr(line, path) != NULL) found.of_library++;
  }
  free(line);
  if (file != NULL) fclose(file);
  return found;
}

static long resident(void) {
  long size = 0, pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file != NULL) {
    if (fscanf(file, "%ld %ld", &size, &pages) != 2) pages = 0;
    fclose(file);
  }
  return pages;
}

static void *symbol(void *library, const char *name) {
  void *found = dlsym(library, name);
  if (found == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  return found;
}

/* ISO C knows no way from a pointer to data to one to code; POSIX does. */
#define OF(library, name) (*(__typeof__(name) **)(void *[]){symbol(library, #name)})

static void ring(void *user) {
  ++*(int *)user;
}

static void use(void *library, int round) {
  int rung = 0;
  LinkcheckSession *session = NULL;
  LinkcheckBuffer out = {0};
  LinkcheckStatus status = OF(library, linkcheck_rehearsal)(LINKCHECK_JSON, ring, &rung, &session, NULL);
  expect(status == LINKCHECK_STATUS_OK, "no session", round);
  OF(library, linkcheck_run)(session, 1000, NULL, NULL);
  OF(library, linkcheck_drain)(session, &out);
  OF(library, linkcheck_buffer_free)(&out);
  /* What is asked stays unanswered. */
  const char *orders[] = {"{\"Ask\":\"what\"}", "{\"Panic\":\"on order\"}"};
  for (int i = 0; i < (round % 500 == 0 ? 2 : 1); i++) { /* each panic is a line on standard error */
    const char *order = orders[i];
    status = OF(library, linkcheck_send)(session, 1 << 24, (const uint8_t *)order, strlen(order), NULL);
    expect(status == LINKCHECK_STATUS_OK && rung == 1, "no bell", round);
  }
  OF(library, linkcheck_run)(session, 1000, NULL, NULL);
  status = OF(library, linkcheck_teardown)(session, &out);
  const char rest[] = "\"isBaseline\":true";
  int rests = out.length > 0 && memmem(out.data, out.length, rest, sizeof rest - 1) != NULL;
  expect(status == LINKCHECK_STATUS_OK && rests, "not at its baseline", round);
  OF(library, linkcheck_buffer_free)(&out);
  OF(library, linkcheck_free)(&session);
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  const char *path = arguments[1];
  int threads = entries("/proc/self/task"), descriptors = entries("/proc/self/fd");
  Maps settled = {0, 0};
  long memory = 0;
  for (int round = 0; round < ROUNDS; round++) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
      fprintf(stderr, "%s\n", dlerror());
      return 1;
    }
    use(library, round);
    expect(dlclose(library) == 0, "not closed", round);
    Maps now = maps(path);
    expect(now.of_library == 0, "still mapped", round);
    expect(entries("/proc/self/task") == threads, "threads", round);
    expect(entries("/proc/self/fd") == descriptors, "descriptors", round);
    if (round == WARM_UP) {
      settled = now;
      memory = resident();
    }
  }
  expect(maps(path).lines <= settled.lines + 8, "mappings", ROUNDS);
  expect(resident() <= memory + 256, "resident pages", ROUNDS); /* a MiB of 4 KiB each */
  return failures > 0;
}
#endif
