/*
 * linkcheck's core, for C: written by cbindgen from examples/native/src/c.rs, and anew by `cargo xtask native --bless`.
 *
 * Every call but linkcheck_free may be made on any thread; calls of one session wait for each other. `out` gets what
 * the call gives, or a text that says why it failed; it may be NULL where you want neither, is written over and not
 * released, and is to be released by linkcheck_buffer_free. The README of examples/native has a whole program.
 */

#ifndef LINKCHECK_H
#define LINKCHECK_H

#include <stddef.h>
#include <stdint.h>

// What linkcheck_abi gives for this header. It is raised by whatever breaks a program that was compiled against it.
#define LINKCHECK_ABI 1

// What crosses is written as JSON.
#define LINKCHECK_JSON 0

// What crosses is written as MessagePack.
#define LINKCHECK_MESSAGEPACK 1

// What a call came to.
enum LinkcheckStatus
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It was done.
  LINKCHECK_STATUS_OK = 0,
  // No batch has had this id.
  LINKCHECK_STATUS_UNKNOWN = 1,
  // Nobody awaits it any more.
  LINKCHECK_STATUS_STALE = 2,
  // It has its answer or its end, which the task has not read yet.
  LINKCHECK_STATUS_ALREADY_ANSWERED = 3,
  // A stream was resolved, or a request was sent an item or ended.
  LINKCHECK_STATUS_WRONG_KIND = 4,
  // The stream holds as many items as it may: send this one again after a turn.
  LINKCHECK_STATUS_FULL = 5,
  // The answer is no value of the type that is wanted. The right one can still come.
  LINKCHECK_STATUS_UNDECODABLE = 6,
  // The answer is longer than it may be.
  LINKCHECK_STATUS_TOO_LARGE = 7,
  // Code of the library's panicked.
  LINKCHECK_STATUS_PANICKED = 8,
  // The session is torn down.
  LINKCHECK_STATUS_TORN_DOWN = 9,
  // The call was made from within a bell.
  LINKCHECK_STATUS_WITHIN_BELL = 10,
  // A setting, a pointer or a text that it was given is wrong.
  LINKCHECK_STATUS_BAD_ARGUMENT = 11,
  // What has no number in this version.
  LINKCHECK_STATUS_OTHER = 12,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum LinkcheckStatus LinkcheckStatus;
#else
typedef int32_t LinkcheckStatus;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A core and its bridge. All but linkcheck_free may be called on one from several threads at once.
typedef struct LinkcheckSession LinkcheckSession;

// Called with the pointer that it was given with, when work has come and nobody is driving: take a turn soon.
//
// It is called on whichever thread brought the work, before that call returns. It must not call the session, which is
// LINKCHECK_STATUS_WITHIN_BELL, nor unwind (no C++ exception, no longjmp), nor wait for a thread that is in
// linkcheck_teardown or linkcheck_free. It should post an event and return.
typedef void (*LinkcheckBell)(void *user);

// Bytes that the library gave. Release them with linkcheck_buffer_free and change nothing in it. Where length is 0,
// data is NULL and there is nothing to release.
typedef struct LinkcheckBuffer {
  // The first of them.
  uint8_t *data;
  // How many.
  size_t length;
  // The library's own.
  size_t capacity;
} LinkcheckBuffer;

// What a turn came to.
typedef struct LinkcheckTurn {
  // Polls made.
  uint64_t polled;
  // Tasks that are done by it.
  uint64_t completed;
  // Tasks that have panicked in it.
  uint64_t panicked;
  // Tasks that are left; none means that the core is done.
  uint64_t pending;
  // Not 0 where work is left that the budget did not reach: no bell rings for it, so take another turn.
  uint32_t budget_spent;
} LinkcheckTurn;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// LINKCHECK_ABI of the library: refuse to go on where it is not that of the header.
uint32_t linkcheck_abi(void);

// The version of what crosses, which every batch bears: docs/WIRE.md describes it.
uint32_t linkcheck_wire_version(void);

// The name of a status, as docs/WIRE.md has it; "" for a number that is none. It is never to be released.
const char *linkcheck_status_name(int32_t status);

// Starts a check. The settings are JSON, such as `{"concurrency":8,"offline":true}`; length 0 means the usual ones.
// The bell may be NULL. Begin with a turn: the bell does not ring for the first one.
//
// # Safety
//
// settings points to that many bytes, session and out are each NULL or may be written to, and bell may be called
// with user on any thread until linkcheck_teardown or linkcheck_free has returned.
LinkcheckStatus linkcheck_check(const uint8_t *settings,
                                size_t settings_length,
                                uint32_t encoding,
                                LinkcheckBell bell,
                                void *user,
                                struct LinkcheckSession **session,
                                struct LinkcheckBuffer *out);

// Starts a core that does as the shell orders, to try a shell on: the README of examples/native has the orders.
//
// # Safety
//
// As for linkcheck_check.
LinkcheckStatus linkcheck_rehearsal(uint32_t encoding,
                                    LinkcheckBell bell,
                                    void *user,
                                    struct LinkcheckSession **session,
                                    struct LinkcheckBuffer *out);

// Takes a turn with at most budget polls. turn may be NULL. Drain afterwards.
//
// # Safety
//
// session is NULL or not freed; turn and out are each NULL or may be written to.
LinkcheckStatus linkcheck_run(const struct LinkcheckSession *session,
                              uint32_t budget,
                              struct LinkcheckTurn *turn,
                              struct LinkcheckBuffer *out);

// Takes what was emitted, as a batch. out is not NULL: what it takes would be lost.
//
// # Safety
//
// session is NULL or not freed; out is NULL or may be written to.
LinkcheckStatus linkcheck_drain(const struct LinkcheckSession *session,
                                struct LinkcheckBuffer *out);

// Answers a request.
//
// # Safety
//
// session is NULL or not freed; answer points to that many bytes; out is NULL or may be written to.
LinkcheckStatus linkcheck_resolve(const struct LinkcheckSession *session,
                                  uint64_t id,
                                  const uint8_t *answer,
                                  size_t length,
                                  struct LinkcheckBuffer *out);

// Fails a request, or a stream after what was sent, with a message in UTF-8.
//
// # Safety
//
// session is NULL or not freed; message points to that many bytes; out is NULL or may be written to.
LinkcheckStatus linkcheck_fail(const struct LinkcheckSession *session,
                               uint64_t id,
                               const uint8_t *message,
                               size_t length,
                               struct LinkcheckBuffer *out);

// Sends an item to a stream.
//
// # Safety
//
// session is NULL or not freed; item points to that many bytes; out is NULL or may be written to.
LinkcheckStatus linkcheck_send(const struct LinkcheckSession *session,
                               uint64_t id,
                               const uint8_t *item,
                               size_t length,
                               struct LinkcheckBuffer *out);

// Ends a stream, after what was sent.
//
// # Safety
//
// session is NULL or not freed; out is NULL or may be written to.
LinkcheckStatus linkcheck_end(const struct LinkcheckSession *session,
                              uint64_t id,
                              struct LinkcheckBuffer *out);

// Takes a look at the tasks and requests that it holds.
//
// # Safety
//
// session is NULL or not freed; out is NULL or may be written to.
LinkcheckStatus linkcheck_snapshot(const struct LinkcheckSession *session,
                                   struct LinkcheckBuffer *out);

// Gives the check's report as JSON once it is done, and nothing before. It can be asked for after a teardown as well.
//
// # Safety
//
// session is NULL or not freed; out is NULL or may be written to.
LinkcheckStatus linkcheck_report(const struct LinkcheckSession *session,
                                 struct LinkcheckBuffer *out);

// Comes to rest, and gives the last batch, whose last item is the report of what was held. When it has returned the
// bell is not ringing and will not ring. Free the session afterwards all the same.
//
// # Safety
//
// session is NULL or not freed; out is NULL or may be written to.
LinkcheckStatus linkcheck_teardown(const struct LinkcheckSession *session,
                                   struct LinkcheckBuffer *out);

// Frees a session and sets its pointer to NULL, so that a second call does nothing. One that was not torn down frees
// what it holds and tells nobody of it. From within a bell it is refused. No other call of this session may be under
// way, or come after; what it gave, buffers and reports, stays.
//
// # Safety
//
// session is NULL or points to NULL or to a session that is not freed.
LinkcheckStatus linkcheck_free(struct LinkcheckSession **session);

// Releases a buffer and empties it, so that a second call does nothing. NULL and an empty one are nothing to release.
//
// # Safety
//
// buffer is NULL, or points to one that the library gave or that is all zeros.
void linkcheck_buffer_free(struct LinkcheckBuffer *buffer);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* LINKCHECK_H */
