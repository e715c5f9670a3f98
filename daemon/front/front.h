/*
 * The front: what faces the world.  It has sockets, connections, TLS and the answers to challenges, and for everything
 * else a line a thread to the desks.  It knows no store, no files and no configuration: all it has the core tells it
 * (tell.def), over one channel.
 */
#ifndef DAEMON_FRONT_FRONT_H
#define DAEMON_FRONT_FRONT_H

/* Runs until it is told to end, or the other side of the channel is gone.  Takes the channel. */
void front_run(int channel);

#endif
