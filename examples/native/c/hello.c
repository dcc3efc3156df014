/* The least that drives a session from C: it orders a rehearsal to ask something, and answers. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "linkcheck.h"

/* Called on whichever thread brought work. A window system would post an event here. */
static void ring(void *user) {
  *(int *)user = 1;
}

static void check(LinkcheckStatus status, LinkcheckBuffer *out) {
  if (status != LINKCHECK_STATUS_OK) {
    fprintf(stderr, "%s: %.*s\n", linkcheck_status_name(status), (int)out->length, (char *)out->data);
  }
  linkcheck_buffer_free(out);
}

/* An app reads JSON by a library of its choice; here it is enough to look for the one id in a line that we know. */
static uint64_t id_in(const LinkcheckBuffer *batch) {
  char text[1024];
  uint64_t id = 0;
  snprintf(text, sizeof text, "%.*s", (int)batch->length, (char *)batch->data);
  const char *found = strstr(text, "\"id\":");
  if (found != NULL) sscanf(found, "\"id\":%" SCNu64, &id);
  return id;
}

int main(void) {
  if (linkcheck_abi() != LINKCHECK_ABI) return 1;
  int rung = 1; /* the first turn is not rung for */
  LinkcheckSession *session = NULL;
  LinkcheckBuffer out = {0};
  check(linkcheck_rehearsal(LINKCHECK_JSON, ring, &rung, &session, &out), &out);
  const char *replies[] = {"{\"Ask\":\"your name\"}", "\"Ada\"", NULL};
  for (int turn = 0; rung; turn++) {
    rung = 0;
    check(linkcheck_run(session, 1000, NULL, &out), &out);
    LinkcheckBuffer batch = {0};
    LinkcheckStatus status = linkcheck_drain(session, &batch);
    if (status == LINKCHECK_STATUS_OK) printf("%.*s\n", (int)batch.length, (char *)batch.data);
    uint64_t id = id_in(&batch);
    check(status, &batch);
    const char *reply = replies[turn];
    if (reply == NULL) break;
    if (turn == 0) {
      check(linkcheck_send(session, id, (const uint8_t *)reply, strlen(reply), &out), &out);
    } else {
      check(linkcheck_resolve(session, id, (const uint8_t *)reply, strlen(reply), &out), &out);
    }
  }
  LinkcheckBuffer last = {0};
  LinkcheckStatus status = linkcheck_teardown(session, &last);
  if (status == LINKCHECK_STATUS_OK) printf("%.*s\n", (int)last.length, (char *)last.data);
  check(status, &last);
  return linkcheck_free(&session) == LINKCHECK_STATUS_OK ? 0 : 1;
}
