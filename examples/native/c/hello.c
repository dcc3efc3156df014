/* The least that drives a session: it orders a rehearsal to ask for a name, and answers. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "linkcheck.h"

/* Called on whichever thread brought work: an app posts an event to its own loop, and calls nothing of the session. */
static void ring(void *user) {
  *(int *)user = 1;
}

static int failed(LinkcheckStatus status, LinkcheckBuffer *out) {
  if (status != LINKCHECK_STATUS_OK) {
    fprintf(stderr, "%s: %.*s\n", linkcheck_status_name(status), (int)out->length, (char *)out->data);
  }
  linkcheck_buffer_free(out);
  return status != LINKCHECK_STATUS_OK;
}

/* Takes a turn, shows what is asked, and gives the id of it. An app reads JSON by a library of its choice. */
static int turn(const LinkcheckSession *session, uint64_t *id) {
  LinkcheckBuffer out = {0};
  char batch[1024];
  if (failed(linkcheck_run(session, 1000, NULL, &out), &out)) return 0;
  LinkcheckStatus status = linkcheck_drain(session, &out);
  snprintf(batch, sizeof batch, "%.*s", (int)out.length, (char *)out.data);
  if (failed(status, &out)) return 0;
  puts(batch);
  const char *found = strstr(batch, "\"id\":");
  if (found != NULL) sscanf(found, "\"id\":%" SCNu64, id);
  return 1;
}

int main(void) {
  const char *order = "{\"Ask\":\"your name\"}", *answer = "\"Ada\"";
  LinkcheckSession *session = NULL;
  LinkcheckBuffer out = {0};
  uint64_t id = 0;
  int rung = 0;
  if (linkcheck_abi() != LINKCHECK_ABI) return 1;
  if (failed(linkcheck_rehearsal(LINKCHECK_JSON, ring, &rung, &session, &out), &out)) return 1;
  /* The first turn is not rung for. It asks for orders, which are a stream; the later ones come when it has rung. */
  if (turn(session, &id)) {
    failed(linkcheck_send(session, id, (const uint8_t *)order, strlen(order), &out), &out);
    if (rung && turn(session, &id)) {
      failed(linkcheck_resolve(session, id, (const uint8_t *)answer, strlen(answer), &out), &out);
      turn(session, &id);
    }
  }
  LinkcheckStatus status = linkcheck_teardown(session, &out);
  printf("%.*s\n", (int)out.length, (char *)out.data);
  failed(status, &out);
  return linkcheck_free(&session) != LINKCHECK_STATUS_OK;
}
