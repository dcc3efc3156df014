/*
 * What linkcheck.h says, held by a program that is compiled with every warning an error and run under AddressSanitizer.
 * Each check that fails is a line on standard error, and the exit status is their number.
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linkcheck.h"

static int failures = 0;

#define EXPECT(condition)                                                    \
  do {                                                                       \
    if (!(condition)) {                                                      \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);        \
      failures++;                                                            \
    }                                                                        \
  } while (0)

/* What a call gave, as text, until the next one. */
static char given[1 << 16];

static LinkcheckStatus keep(LinkcheckStatus status, LinkcheckBuffer *out) {
  snprintf(given, sizeof given, "%.*s", (int)out->length, out->length ? (char *)out->data : "");
  linkcheck_buffer_free(out);
  EXPECT(out->data == NULL && out->length == 0 && out->capacity == 0);
  linkcheck_buffer_free(out); /* again, which does nothing */
  return status;
}

#define CALL(call, ...) keep(call(__VA_ARGS__, &out), &out)
#define BYTES(text) (const uint8_t *)(text), strlen(text)
#define HAS(text) (strstr(given, (text)) != NULL)

/* The last id that an effect has in what was given, or 0. */
static uint64_t id_of(const char *effect) {
  uint64_t id = 0;
  char pattern[64];
  snprintf(pattern, sizeof pattern, ",\"effect\":\"%s\"", effect);
  for (const char *found = given; (found = strstr(found, "\"id\":")) != NULL; found++) {
    uint64_t number;
    int length = 0;
    if (sscanf(found, "\"id\":%" SCNu64 "%n", &number, &length) != 1) continue;
    if (strncmp(found + length, pattern, strlen(pattern)) == 0) id = number;
  }
  return id;
}

/* A bell that counts, and tries what it may not. */
typedef struct {
  atomic_int rung;
  LinkcheckSession *session;
} Post;

static void ring(void *user) {
  Post *post = user;
  atomic_fetch_add(&post->rung, 1);
  if (post->session == NULL) return;
  LinkcheckBuffer out = {0};
  EXPECT(CALL(linkcheck_run, post->session, 1000, NULL) == LINKCHECK_STATUS_WITHIN_BELL);
  EXPECT(CALL(linkcheck_drain, post->session) == LINKCHECK_STATUS_WITHIN_BELL);
  EXPECT(CALL(linkcheck_teardown, post->session) == LINKCHECK_STATUS_WITHIN_BELL);
  EXPECT(HAS("post an event"));
  LinkcheckSession *copy = post->session;
  EXPECT(linkcheck_free(&copy) == LINKCHECK_STATUS_WITHIN_BELL);
  EXPECT(copy == post->session);
}

static LinkcheckSession *rehearsal(uint32_t encoding, Post *post, uint64_t *orders) {
  LinkcheckBuffer out = {0};
  LinkcheckSession *session = NULL;
  LinkcheckBell bell = post == NULL ? NULL : ring;
  EXPECT(CALL(linkcheck_rehearsal, encoding, bell, post, &session) == LINKCHECK_STATUS_OK);
  EXPECT(session != NULL);
  EXPECT(CALL(linkcheck_run, session, 1000, NULL) == LINKCHECK_STATUS_OK);
  EXPECT(CALL(linkcheck_drain, session) == LINKCHECK_STATUS_OK);
  if (encoding == LINKCHECK_JSON) {
    EXPECT(HAS("\"type\":\"stream\"") && HAS("Orders"));
  }
  *orders = encoding == LINKCHECK_JSON ? id_of("Orders") : 1 << 24;
  return session;
}

static void names_and_versions(void) {
  EXPECT(linkcheck_abi() == LINKCHECK_ABI);
  EXPECT(linkcheck_wire_version() == 1);
  EXPECT(strcmp(linkcheck_status_name(LINKCHECK_STATUS_OK), "ok") == 0);
  EXPECT(strcmp(linkcheck_status_name(LINKCHECK_STATUS_ALREADY_ANSWERED), "alreadyAnswered") == 0);
  EXPECT(strcmp(linkcheck_status_name(LINKCHECK_STATUS_OTHER), "other") == 0);
  EXPECT(strcmp(linkcheck_status_name(LINKCHECK_STATUS_OTHER + 1), "") == 0);
  EXPECT(strcmp(linkcheck_status_name(-1), "") == 0);
}

static void null_pointers(void) {
  LinkcheckBuffer out = {0};
  const LinkcheckStatus bad = LINKCHECK_STATUS_BAD_ARGUMENT;
  EXPECT(CALL(linkcheck_run, NULL, 1, NULL) == bad);
  EXPECT(HAS("the session is NULL"));
  EXPECT(CALL(linkcheck_drain, NULL) == bad);
  EXPECT(CALL(linkcheck_resolve, NULL, 1, BYTES("1")) == bad);
  EXPECT(CALL(linkcheck_fail, NULL, 1, BYTES("1")) == bad);
  EXPECT(CALL(linkcheck_send, NULL, 1, BYTES("1")) == bad);
  EXPECT(CALL(linkcheck_end, NULL, 1) == bad);
  EXPECT(CALL(linkcheck_snapshot, NULL) == bad);
  EXPECT(CALL(linkcheck_report, NULL) == bad);
  EXPECT(CALL(linkcheck_teardown, NULL) == bad);
  EXPECT(linkcheck_free(NULL) == bad);
  LinkcheckSession *none = NULL;
  EXPECT(linkcheck_free(&none) == LINKCHECK_STATUS_OK);
  linkcheck_buffer_free(NULL);
  EXPECT(CALL(linkcheck_rehearsal, LINKCHECK_JSON, NULL, NULL, NULL) == bad);
  EXPECT(CALL(linkcheck_check, NULL, 0, LINKCHECK_JSON, NULL, NULL, NULL) == bad);

  uint64_t orders;
  LinkcheckSession *session = rehearsal(LINKCHECK_JSON, NULL, &orders);
  /* Without `out` a text is not given, and what would be lost is not taken. */
  EXPECT(linkcheck_resolve(session, 7, BYTES("1"), NULL) == LINKCHECK_STATUS_UNKNOWN);
  EXPECT(linkcheck_send(session, orders, BYTES("{\"Say\":\"kept\"}"), NULL) == LINKCHECK_STATUS_OK);
  EXPECT(linkcheck_run(session, 1000, NULL, NULL) == LINKCHECK_STATUS_OK);
  EXPECT(linkcheck_drain(session, NULL) == bad);
  EXPECT(CALL(linkcheck_drain, session) == LINKCHECK_STATUS_OK);
  EXPECT(HAS("kept"));
  EXPECT(CALL(linkcheck_send, session, orders, NULL, 3) == bad);
  EXPECT(CALL(linkcheck_send, session, orders, NULL, 0) == LINKCHECK_STATUS_UNDECODABLE);
  EXPECT(CALL(linkcheck_send, session, orders, (const uint8_t *)"", SIZE_MAX) == LINKCHECK_STATUS_TOO_LARGE);
  EXPECT(linkcheck_teardown(session, NULL) == LINKCHECK_STATUS_OK);
  EXPECT(linkcheck_free(&session) == LINKCHECK_STATUS_OK);
}

static void settings(void) {
  LinkcheckBuffer out = {0};
  const LinkcheckStatus bad = LINKCHECK_STATUS_BAD_ARGUMENT;
  LinkcheckSession *session = (LinkcheckSession *)&out; /* to see that it is set to NULL */
#define CHECK(text, encoding) CALL(linkcheck_check, BYTES(text), encoding, NULL, NULL, &session)
  EXPECT(CHECK("{\"concurrency\":0}", LINKCHECK_JSON) == bad);
  EXPECT(session == NULL && HAS("concurrency of 0"));
  EXPECT(CHECK("{\"concurency\":1}", LINKCHECK_JSON) == bad);
  EXPECT(HAS("unknown field `concurency`"));
  EXPECT(CHECK("{\"exclude\":[\"re:(\"]}", LINKCHECK_JSON) == bad);
  EXPECT(HAS("bad pattern `re:(`"));
  EXPECT(CHECK("\xff", LINKCHECK_JSON) == bad);
  EXPECT(CHECK("{}", 2) == bad);
  EXPECT(session == NULL && HAS("neither JSON nor MessagePack"));

  EXPECT(CHECK("{\"offline\":true}", LINKCHECK_JSON) == LINKCHECK_STATUS_OK);
  LinkcheckTurn turn = {0};
  EXPECT(CALL(linkcheck_run, session, 1000, &turn) == LINKCHECK_STATUS_OK);
  EXPECT(turn.polled > 0 && turn.pending == 1 && turn.budget_spent == 0);
  EXPECT(CALL(linkcheck_drain, session) == LINKCHECK_STATUS_OK);
  EXPECT(HAS("Interrupt"));
  uint64_t next = id_of("NextDocument");
  EXPECT(next != 0);
  EXPECT(CALL(linkcheck_report, session) == LINKCHECK_STATUS_OK);
  EXPECT(strcmp(given, "") == 0);
  EXPECT(CALL(linkcheck_resolve, session, next, BYTES("null")) == LINKCHECK_STATUS_OK);
  EXPECT(CALL(linkcheck_run, session, 1000, &turn) == LINKCHECK_STATUS_OK);
  EXPECT(turn.completed == 1 && turn.pending == 0);
  EXPECT(CALL(linkcheck_teardown, session) == LINKCHECK_STATUS_OK);
  EXPECT(HAS("\"isBaseline\":true"));
  EXPECT(CALL(linkcheck_report, session) == LINKCHECK_STATUS_OK);
  EXPECT(HAS("\"documents\": 0"));
  EXPECT(linkcheck_free(&session) == LINKCHECK_STATUS_OK);
}

static void every_error(void) {
  LinkcheckBuffer out = {0};
  uint64_t orders;
  LinkcheckSession *session = rehearsal(LINKCHECK_JSON, NULL, &orders);
  EXPECT(CALL(linkcheck_send, session, orders, BYTES("{\"Ask\":7}")) == LINKCHECK_STATUS_UNDECODABLE);
  EXPECT(HAS("`Orders`") && HAS("`Ask`"));
  EXPECT(CALL(linkcheck_send, session, orders, BYTES("\xff\xfe")) == LINKCHECK_STATUS_UNDECODABLE);
  EXPECT(CALL(linkcheck_resolve, session, orders, BYTES("1")) == LINKCHECK_STATUS_WRONG_KIND);
  EXPECT(CALL(linkcheck_resolve, session, 7, BYTES("1")) == LINKCHECK_STATUS_UNKNOWN);
  EXPECT(CALL(linkcheck_end, session, UINT64_MAX) == LINKCHECK_STATUS_UNKNOWN);
  EXPECT(CALL(linkcheck_fail, session, orders, BYTES("\xff")) == LINKCHECK_STATUS_BAD_ARGUMENT);
  size_t length = ((size_t)16 << 20) + 1;
  uint8_t *long_one = calloc(length, 1);
  EXPECT(CALL(linkcheck_send, session, orders, long_one, length) == LINKCHECK_STATUS_TOO_LARGE);
  free(long_one);
  for (int i = 0; i < 4; i++) {
    EXPECT(CALL(linkcheck_send, session, orders, BYTES("{\"Ask\":\"what\"}")) == LINKCHECK_STATUS_OK);
  }
  EXPECT(CALL(linkcheck_send, session, orders, BYTES("\"GiveUp\"")) == LINKCHECK_STATUS_FULL);
  EXPECT(CALL(linkcheck_run, session, 1000, NULL) == LINKCHECK_STATUS_OK);
  EXPECT(CALL(linkcheck_drain, session) == LINKCHECK_STATUS_OK);
  uint64_t ask = id_of("Ask");
  EXPECT(CALL(linkcheck_snapshot, session) == LINKCHECK_STATUS_OK);
  EXPECT(HAS("\"state\":\"taken\""));
  EXPECT(CALL(linkcheck_send, session, ask, BYTES("\"x\"")) == LINKCHECK_STATUS_WRONG_KIND);
  EXPECT(CALL(linkcheck_resolve, session, ask, BYTES("[1,2]")) == LINKCHECK_STATUS_UNDECODABLE);
  EXPECT(CALL(linkcheck_resolve, session, ask, BYTES("\"right\"")) == LINKCHECK_STATUS_OK);
  EXPECT(CALL(linkcheck_resolve, session, ask, BYTES("\"again\"")) == LINKCHECK_STATUS_ALREADY_ANSWERED);
  EXPECT(CALL(linkcheck_send, session, orders, BYTES("\"GiveUp\"")) == LINKCHECK_STATUS_OK);
  EXPECT(CALL(linkcheck_send, session, orders, BYTES("{\"Panic\":\"on order\"}")) == LINKCHECK_STATUS_OK);
  LinkcheckTurn turn = {0};
  EXPECT(CALL(linkcheck_run, session, 1000, &turn) == LINKCHECK_STATUS_OK);
  EXPECT(turn.panicked == 1);
  EXPECT(CALL(linkcheck_drain, session) == LINKCHECK_STATUS_OK);
  EXPECT(HAS("\"type\":\"cancelled\"") && HAS("\"type\":\"panic\"") && HAS("on order"));
  EXPECT(CALL(linkcheck_resolve, session, ask, BYTES("\"late\"")) == LINKCHECK_STATUS_STALE);
  EXPECT(CALL(linkcheck_end, session, orders) == LINKCHECK_STATUS_OK);
  EXPECT(CALL(linkcheck_run, session, 1000, &turn) == LINKCHECK_STATUS_OK);
  EXPECT(turn.pending == 0);

  EXPECT(CALL(linkcheck_teardown, session) == LINKCHECK_STATUS_OK);
  EXPECT(HAS("the orders have ended") && HAS("\"type\":\"report\"") && HAS("\"isBaseline\":true"));
  const LinkcheckStatus torn_down = LINKCHECK_STATUS_TORN_DOWN;
  EXPECT(CALL(linkcheck_run, session, 1, NULL) == torn_down);
  EXPECT(CALL(linkcheck_drain, session) == torn_down);
  EXPECT(CALL(linkcheck_resolve, session, ask, BYTES("1")) == torn_down);
  EXPECT(CALL(linkcheck_fail, session, ask, BYTES("1")) == torn_down);
  EXPECT(CALL(linkcheck_send, session, orders, BYTES("1")) == torn_down);
  EXPECT(CALL(linkcheck_end, session, orders) == torn_down);
  EXPECT(CALL(linkcheck_snapshot, session) == torn_down);
  EXPECT(CALL(linkcheck_teardown, session) == torn_down);
  EXPECT(linkcheck_free(&session) == LINKCHECK_STATUS_OK);
  EXPECT(session == NULL);
  EXPECT(linkcheck_free(&session) == LINKCHECK_STATUS_OK);
}

static void the_bell(void) {
  LinkcheckBuffer out = {0};
  uint64_t orders;
  Post post = {0};
  LinkcheckSession *session = rehearsal(LINKCHECK_JSON, &post, &orders);
  EXPECT(post.rung == 0); /* the first turn is not rung for */
  post.session = session;
  EXPECT(CALL(linkcheck_send, session, orders, BYTES("{\"Say\":\"a\"}")) == LINKCHECK_STATUS_OK);
  EXPECT(CALL(linkcheck_send, session, orders, BYTES("{\"Say\":\"b\"}")) == LINKCHECK_STATUS_OK);
  EXPECT(post.rung == 1);
  EXPECT(CALL(linkcheck_run, session, 1000, NULL) == LINKCHECK_STATUS_OK);
  EXPECT(CALL(linkcheck_send, session, orders, BYTES("{\"Say\":\"c\"}")) == LINKCHECK_STATUS_OK);
  EXPECT(post.rung == 2);
  EXPECT(CALL(linkcheck_teardown, session) == LINKCHECK_STATUS_OK);
  post.session = NULL;
  EXPECT(post.rung == 2);
  EXPECT(linkcheck_free(&session) == LINKCHECK_STATUS_OK);
}

/* What is not torn down is freed all the same, as the leak checker sees. */
static void freed_alone(void) {
  LinkcheckBuffer out = {0};
  uint64_t orders;
  Post post = {0};
  LinkcheckSession *session = rehearsal(LINKCHECK_JSON, &post, &orders);
  EXPECT(CALL(linkcheck_send, session, orders, BYTES("{\"Ask\":\"what\"}")) == LINKCHECK_STATUS_OK);
  EXPECT(linkcheck_free(&session) == LINKCHECK_STATUS_OK);
}

static void messagepack(void) {
  LinkcheckBuffer out = {0};
  uint64_t orders;
  LinkcheckSession *session = rehearsal(LINKCHECK_MESSAGEPACK, NULL, &orders);
  EXPECT(CALL(linkcheck_send, session, orders, BYTES("\x81\xa3Say\xa5hello")) == LINKCHECK_STATUS_OK);
  EXPECT(CALL(linkcheck_send, session, orders, BYTES("{}")) == LINKCHECK_STATUS_UNDECODABLE);
  EXPECT(CALL(linkcheck_run, session, 1000, NULL) == LINKCHECK_STATUS_OK);
  LinkcheckBuffer batch = {0};
  EXPECT(linkcheck_drain(session, &batch) == LINKCHECK_STATUS_OK);
  const char head[] = "\x82\xa7version\xce\0\0\0\1\xa5items\xdd\0\0\0\1";
  EXPECT(batch.length > sizeof head && memcmp(batch.data, head, sizeof head - 1) == 0);
  const char tail[] = "\xa5hello";
  EXPECT(memcmp(batch.data + batch.length - 6, tail, 6) == 0);
  linkcheck_buffer_free(&batch);
  EXPECT(linkcheck_free(&session) == LINKCHECK_STATUS_OK);
}

/* --- threads --- */

#define THREADS 4
#define ITEMS 500

typedef struct {
  LinkcheckSession *session;
  uint64_t orders;
} Line;

static void *send_orders(void *argument) {
  const Line *line = argument;
  for (int i = 0; i < ITEMS;) {
    LinkcheckStatus status = linkcheck_send(line->session, line->orders, BYTES("{\"Say\":\"x\"}"), NULL);
    if (status == LINKCHECK_STATUS_OK) {
      i++;
    } else if (status == LINKCHECK_STATUS_FULL) {
      linkcheck_run(line->session, 10, NULL, NULL); /* any thread may drive */
    } else {
      return argument;
    }
  }
  return NULL;
}

static size_t count(const char *text) {
  size_t found = 0;
  for (; (text = strstr(text, "\"notify\"")) != NULL; text++) found++;
  return found;
}

static void threads(void) {
  LinkcheckBuffer out = {0};
  Post post = {0};
  Line line;
  line.session = rehearsal(LINKCHECK_JSON, &post, &line.orders);
  pthread_t senders[THREADS];
  for (int i = 0; i < THREADS; i++) EXPECT(pthread_create(&senders[i], NULL, send_orders, &line) == 0);
  size_t said = 0;
  for (int i = 0; i < THREADS; i++) {
    void *failed = NULL;
    EXPECT(pthread_join(senders[i], &failed) == 0);
    EXPECT(failed == NULL);
  }
  EXPECT(linkcheck_run(line.session, 1000000, NULL, NULL) == LINKCHECK_STATUS_OK);
  EXPECT(linkcheck_drain(line.session, &out) == LINKCHECK_STATUS_OK);
  char *text = malloc(out.length + 1);
  memcpy(text, out.data, out.length);
  text[out.length] = 0;
  said = count(text);
  free(text);
  linkcheck_buffer_free(&out);
  EXPECT(said == THREADS * ITEMS);
  EXPECT(atomic_load(&post.rung) > 0);
  EXPECT(CALL(linkcheck_teardown, line.session) == LINKCHECK_STATUS_OK);
  EXPECT(HAS("\"isBaseline\":true"));
  EXPECT(linkcheck_free(&line.session) == LINKCHECK_STATUS_OK);
}

/* One thread answers until it is refused, while another tears down: then the bell's own memory may go. */
static void *answer_until_refused(void *argument) {
  const Line *line = argument;
  LinkcheckStatus status;
  do {
    status = linkcheck_send(line->session, line->orders, BYTES("{\"Say\":\"x\"}"), NULL);
  } while (status == LINKCHECK_STATUS_OK || status == LINKCHECK_STATUS_FULL);
  return status == LINKCHECK_STATUS_TORN_DOWN ? NULL : argument;
}

static void a_teardown_among_answers(void) {
  for (int round = 0; round < 100; round++) {
    LinkcheckBuffer out = {0};
    Post *post = calloc(1, sizeof *post);
    Line line;
    line.session = rehearsal(LINKCHECK_JSON, post, &line.orders);
    pthread_t sender;
    EXPECT(pthread_create(&sender, NULL, answer_until_refused, &line) == 0);
    for (int turn = 0; turn < 20; turn++) linkcheck_run(line.session, 100, NULL, NULL);
    EXPECT(CALL(linkcheck_teardown, line.session) == LINKCHECK_STATUS_OK);
    free(post); /* nobody is in it, and nobody will be */
    void *failed = NULL;
    EXPECT(pthread_join(sender, &failed) == 0);
    EXPECT(failed == NULL);
    EXPECT(linkcheck_free(&line.session) == LINKCHECK_STATUS_OK);
  }
}

/* A bell that stays until it is let out. */
typedef struct {
  atomic_int inside;
  atomic_int leave;
  LinkcheckSession *session;
  uint64_t orders;
  int inside_after; /* as the teardown has returned */
} Stay;

static void stay(void *user) {
  Stay *stay = user;
  atomic_store(&stay->inside, 1);
  while (!atomic_load(&stay->leave)) sched_yield();
  atomic_store(&stay->inside, 0);
}

static void *send_one(void *argument) {
  Stay *stay = argument;
  EXPECT(linkcheck_send(stay->session, stay->orders, BYTES("\"GiveUp\""), NULL) == LINKCHECK_STATUS_OK);
  return NULL;
}

static void *tear_down(void *argument) {
  Stay *stay = argument;
  EXPECT(linkcheck_teardown(stay->session, NULL) == LINKCHECK_STATUS_OK);
  stay->inside_after = atomic_load(&stay->inside);
  return NULL;
}

static void a_teardown_waits_for_the_bell(void) {
  LinkcheckBuffer out = {0};
  Stay at = {0};
  EXPECT(CALL(linkcheck_rehearsal, LINKCHECK_JSON, stay, &at, &at.session) == LINKCHECK_STATUS_OK);
  EXPECT(CALL(linkcheck_run, at.session, 1000, NULL) == LINKCHECK_STATUS_OK);
  EXPECT(CALL(linkcheck_drain, at.session) == LINKCHECK_STATUS_OK);
  at.orders = id_of("Orders");
  pthread_t sender, ender;
  EXPECT(pthread_create(&sender, NULL, send_one, &at) == 0);
  while (!atomic_load(&at.inside)) sched_yield();
  EXPECT(pthread_create(&ender, NULL, tear_down, &at) == 0);
  while (linkcheck_snapshot(at.session, NULL) != LINKCHECK_STATUS_TORN_DOWN) sched_yield();
  atomic_store(&at.leave, 1);
  EXPECT(pthread_join(sender, NULL) == 0);
  EXPECT(pthread_join(ender, NULL) == 0);
  EXPECT(at.inside_after == 0);
  EXPECT(linkcheck_free(&at.session) == LINKCHECK_STATUS_OK);
}

int main(void) {
  names_and_versions();
  null_pointers();
  settings();
  every_error();
  the_bell();
  freed_alone();
  messagepack();
  threads();
  a_teardown_among_answers();
  a_teardown_waits_for_the_bell();
  return failures;
}
