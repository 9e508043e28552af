/* SPDX-License-Identifier: BSD-3-Clause */
/* workload_threads -- blocks that are freed by another thread than their own, threads that come and go. */
#include "tests/bench/workload.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 256
#define BATCHES 16
#define BULK 4096
#define BULKS_EACH 4
#define SERVER_SLOTS 4096
#define SERVER_GENERATIONS 8
#define SHORT_BLOCKS 5000

static pthread_t thread_start(void *(*run)(void *), void *argument)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, run, argument);

	if (r != 0) {
		fprintf(stderr, "cannot start a thread: %s\n", strerror(r));
		exit(EXIT_FAILURE);
	}
	return thread;
}

/* A bounded queue of batches: its lock is taken once for many blocks, so that the allocator is what is measured. */
struct channel {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void *batches[BATCHES][BATCH];
	uint64_t sent, received;        /* batches, guarded by lock */
	uint64_t batch_count;           /* in all */
	uint64_t seed;
};

/* Waits until a batch can be sent, or received. */
static void channel_wait(struct channel *channel, bool receive)
{
	pthread_mutex_lock(&channel->lock);
	while (receive ? channel->sent == channel->received : channel->sent - channel->received == BATCHES)
		pthread_cond_wait(&channel->changed, &channel->lock);
	pthread_mutex_unlock(&channel->lock);
}

static void channel_advance(struct channel *channel, uint64_t *counter)
{
	pthread_mutex_lock(&channel->lock);
	++*counter;
	pthread_cond_signal(&channel->changed);
	pthread_mutex_unlock(&channel->lock);
}

static void *channel_produce(void *argument)
{
	struct channel *channel = argument;
	uint64_t random = channel->seed;

	for (uint64_t i = 0; i < channel->batch_count; i++) {
		channel_wait(channel, false);
		for (size_t j = 0; j < BATCH; j++)
			channel->batches[i % BATCHES][j] = block_new(random_range(&random, 16, 512));
		channel_advance(channel, &channel->sent);
	}
	return NULL;
}

static void *channel_consume(void *argument)
{
	struct channel *channel = argument;

	for (uint64_t i = 0; i < channel->batch_count; i++) {
		channel_wait(channel, true);
		block_free_all(channel->batches[i % BATCHES], BATCH);
		channel_advance(channel, &channel->received);
	}
	return NULL;
}

/* Half of the threads allocate, each for one of the other half. */
uint64_t workload_handoff(const struct load *load)
{
	size_t pairs = load->threads > 1 ? load->threads / 2 : 1;
	uint64_t batch_count = load_scaled(load, 24000) / pairs;
	struct channel *channels = calloc(pairs, sizeof(*channels));
	pthread_t *threads = calloc(2 * pairs, sizeof(*threads));

	for (size_t i = 0; i < pairs; i++) {
		channels[i].batch_count = batch_count;
		channels[i].seed = WORKLOAD_SEED + i;
		pthread_mutex_init(&channels[i].lock, NULL);
		pthread_cond_init(&channels[i].changed, NULL);
		threads[2 * i] = thread_start(channel_produce, &channels[i]);
		threads[2 * i + 1] = thread_start(channel_consume, &channels[i]);
	}
	for (size_t i = 0; i < 2 * pairs; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	free(channels);
	return pairs * batch_count * BATCH;
}

/* Many blocks that go from one thread to another at once. */
struct bulk {
	struct bulk *next;
	uint64_t seed;
	void *blocks[BULK];
};

struct depot {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct bulk *empty, *full;
	uint64_t to_fill, to_free;      /* bulks that nobody has begun with, guarded by lock */
};

/* One of that list; NULL once there is nothing left to begin with. */
static struct bulk *depot_take(struct depot *depot, struct bulk **list, uint64_t *left)
{
	struct bulk *bulk = NULL;

	pthread_mutex_lock(&depot->lock);
	if (*left > 0) {
		--*left;
		while (!*list)
			pthread_cond_wait(&depot->changed, &depot->lock);
		bulk = *list;
		*list = bulk->next;
		if (list == &depot->empty)
			bulk->seed = WORKLOAD_SEED + *left;
	}
	pthread_mutex_unlock(&depot->lock);
	return bulk;
}

static void depot_put(struct depot *depot, struct bulk **list, struct bulk *bulk)
{
	pthread_mutex_lock(&depot->lock);
	bulk->next = *list;
	*list = bulk;
	pthread_cond_broadcast(&depot->changed);
	pthread_mutex_unlock(&depot->lock);
}

static void *depot_fill(void *argument)
{
	struct depot *depot = argument;
	struct bulk *bulk;

	while ((bulk = depot_take(depot, &depot->empty, &depot->to_fill))) {
		uint64_t random = bulk->seed;

		for (size_t i = 0; i < BULK; i++)
			bulk->blocks[i] = block_new(random_skewed(&random, 3, 11));
		depot_put(depot, &depot->full, bulk);
	}
	return NULL;
}

static void *depot_clear(void *argument)
{
	struct depot *depot = argument;
	struct bulk *bulk;

	while ((bulk = depot_take(depot, &depot->full, &depot->to_free))) {
		block_free_all(bulk->blocks, BULK);
		depot_put(depot, &depot->empty, bulk);
	}
	return NULL;
}

/* Half of the threads allocate, the other half frees what any of them made: no thread's own cache fits. */
uint64_t workload_batches(const struct load *load)
{
	size_t pairs = load->threads > 1 ? load->threads / 2 : 1, count = 2 * pairs * BULKS_EACH;
	uint64_t bulk_count = load_scaled(load, 1000);
	struct depot depot = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER,
			       .to_fill = bulk_count, .to_free = bulk_count };
	struct bulk *bulks = calloc(count, sizeof(*bulks));
	pthread_t *threads = calloc(2 * pairs, sizeof(*threads));

	for (size_t i = 0; i < count; i++)
		depot_put(&depot, &depot.empty, &bulks[i]);
	for (size_t i = 0; i < 2 * pairs; i++)
		threads[i] = thread_start(i % 2 ? depot_clear : depot_fill, &depot);
	for (size_t i = 0; i < 2 * pairs; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	free(bulks);
	return bulk_count * BULK;
}

struct session {
	void *slots[SERVER_SLOTS];
	uint64_t pairs;
	uint64_t random;
};

static void *session_run(void *argument)
{
	struct session *session = argument;
	uint64_t random = session->random;

	for (uint64_t i = 0; i < session->pairs; i++) {
		void **slot = &session->slots[random_next(&random) % SERVER_SLOTS];

		free(*slot);
		*slot = block_new(random_range(&random, 16, 1024));
	}
	session->random = random;
	return NULL;
}

/* After each generation new threads take over the blocks of the old, and begin by freeing what those made. */
uint64_t workload_server(const struct load *load)
{
	uint64_t pairs = load_scaled(load, 12000000) / load->threads / SERVER_GENERATIONS;
	struct session *sessions = calloc(load->threads, sizeof(*sessions));
	pthread_t *threads = calloc(load->threads, sizeof(*threads));

	for (unsigned generation = 0; generation < SERVER_GENERATIONS; generation++) {
		for (unsigned i = 0; i < load->threads; i++) {
			sessions[i].pairs = pairs;
			if (generation == 0)
				sessions[i].random = WORKLOAD_SEED + i;
			threads[i] = thread_start(session_run, &sessions[i]);
		}
		for (unsigned i = 0; i < load->threads; i++)
			pthread_join(threads[i], NULL);
	}
	for (unsigned i = 0; i < load->threads; i++)
		block_free_all(sessions[i].slots, SERVER_SLOTS);
	free(threads);
	free(sessions);
	return pairs * load->threads * SERVER_GENERATIONS;
}

/* Half of a thread's blocks outlive it. */
static void *short_run(void *argument)
{
	void **blocks = argument;
	uint64_t random = WORKLOAD_SEED;

	for (size_t i = 0; i < SHORT_BLOCKS; i++)
		blocks[i] = block_new(random_skewed(&random, 4, 9));
	for (size_t i = 0; i < SHORT_BLOCKS; i += 2)
		block_free_all(&blocks[i], 1);
	return NULL;
}

uint64_t workload_short_threads(const struct load *load)
{
	uint64_t waves = load_scaled(load, 400) / load->threads;
	void **blocks = calloc(load->threads * SHORT_BLOCKS, sizeof(*blocks));
	pthread_t *threads = calloc(load->threads, sizeof(*threads));

	for (uint64_t wave = 0; wave < waves; wave++) {
		for (unsigned i = 0; i < load->threads; i++)
			threads[i] = thread_start(short_run, &blocks[i * SHORT_BLOCKS]);
		for (unsigned i = 0; i < load->threads; i++)
			pthread_join(threads[i], NULL);
		block_free_all(blocks, load->threads * SHORT_BLOCKS);
	}
	free(threads);
	free(blocks);
	return waves * load->threads * SHORT_BLOCKS;
}
