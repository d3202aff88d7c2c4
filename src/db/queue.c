/* SPDX-License-Identifier: PostgreSQL */
#include "db/queue.h"

#include "base/hash.h"
#include "db/query.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>

/* Three levels of the same shape: a node has a key in its parent's hash and a place in its parent's
 * ring. */
struct queue_request {
	UT_hash_handle hh;
	struct queue_place place; /* queue_client.ring */
	struct queue_client *client;
	struct list queries; /* db_query.node, oldest first */
};

struct queue_client {
	UT_hash_handle hh;
	struct queue_place place; /* queue_user.ring */
	struct queue_user *user;
	struct queue_request *requests;
	struct queue_ring ring;
};

struct queue_user {
	UT_hash_handle hh;
	struct queue_place place; /* queue.ring */
	struct queue_client *clients;
	struct queue_ring ring;
};

static void ring_init(struct queue_ring *ring)
{
	*ring = (struct queue_ring){.served = false};
	list_init(&ring->places);
}

static void ring_add(struct queue_ring *ring, struct queue_place *place)
{
	list_init(&place->node);
	list_push_back(&ring->places, &place->node);
}

static struct queue_place *first_place(struct queue_ring *ring)
{
	return LIST_ENTRY(ring->places.next, struct queue_place, node);
}

static void to_the_back(struct queue_ring *ring, struct queue_place *place)
{
	list_remove(&place->node);
	list_push_back(&ring->places, &place->node);
}

/*
 * Takes the first of a ring and puts it behind the others: its turn is over. One that had the last
 * turn, and stands first because there was nobody else then, lets those go first who have come
 * since: who comes alone never waits for a second query of another.
 */
static struct queue_place *next_in_turn(struct queue_ring *ring)
{
	struct queue_place *place = first_place(ring);

	if (ring->served && place->key == ring->last) {
		to_the_back(ring, place);
		place = first_place(ring);
	}
	to_the_back(ring, place);
	ring->served = true;
	ring->last = place->key;
	return place;
}

void queue_init(struct queue *queue)
{
	*queue = (struct queue){.users = NULL};
	ring_init(&queue->ring);
}

static struct queue_user *find_user(struct queue *queue, uint64_t key)
{
	struct queue_user *user;

	HASH_FIND(hh, queue->users, &key, sizeof(key), user);
	if (user != NULL)
		return user;
	user = mem_calloc(1, sizeof(*user));
	if (user == NULL)
		return NULL;
	user->place.key = key;
	HASH_ADD(hh, queue->users, place.key, sizeof(key), user);
	if (!HASH_ADDED(hh, user)) {
		mem_free(user);
		return NULL;
	}
	ring_init(&user->ring);
	ring_add(&queue->ring, &user->place);
	return user;
}

static struct queue_client *find_client(struct queue_user *user, uint64_t key)
{
	struct queue_client *client;

	HASH_FIND(hh, user->clients, &key, sizeof(key), client);
	if (client != NULL)
		return client;
	client = mem_calloc(1, sizeof(*client));
	if (client == NULL)
		return NULL;
	client->place.key = key;
	client->user = user;
	HASH_ADD(hh, user->clients, place.key, sizeof(key), client);
	if (!HASH_ADDED(hh, client)) {
		mem_free(client);
		return NULL;
	}
	ring_init(&client->ring);
	ring_add(&user->ring, &client->place);
	return client;
}

static struct queue_request *find_request(struct queue_client *client, uint64_t key)
{
	struct queue_request *request;

	HASH_FIND(hh, client->requests, &key, sizeof(key), request);
	if (request != NULL)
		return request;
	request = mem_calloc(1, sizeof(*request));
	if (request == NULL)
		return NULL;
	request->place.key = key;
	request->client = client;
	HASH_ADD(hh, client->requests, place.key, sizeof(key), request);
	if (!HASH_ADDED(hh, request)) {
		mem_free(request);
		return NULL;
	}
	list_init(&request->queries);
	ring_add(&client->ring, &request->place);
	return request;
}

static void drop_user_if_empty(struct queue *queue, struct queue_user *user)
{
	if (user->clients != NULL)
		return;
	list_remove(&user->place.node);
	HASH_DELETE(hh, queue->users, user);
	mem_free(user);
}

static void drop_client_if_empty(struct queue *queue, struct queue_client *client)
{
	struct queue_user *user = client->user;

	if (client->requests == NULL) {
		list_remove(&client->place.node);
		HASH_DELETE(hh, user->clients, client);
		mem_free(client);
	}
	drop_user_if_empty(queue, user);
}

static void drop_request_if_empty(struct queue *queue, struct queue_request *request)
{
	struct queue_client *client = request->client;

	if (!list_empty(&request->queries))
		return;
	list_remove(&request->place.node);
	HASH_DELETE(hh, client->requests, request);
	mem_free(request);
	drop_client_if_empty(queue, client);
}

int queue_push(struct queue *queue, struct db_query *query)
{
	struct queue_user *user = find_user(queue, query->owner.user);
	struct queue_client *client;
	struct queue_request *request;

	if (user == NULL)
		return -ENOMEM;
	client = find_client(user, query->owner.client);
	if (client == NULL) {
		drop_user_if_empty(queue, user);
		return -ENOMEM;
	}
	request = find_request(client, query->owner.request);
	if (request == NULL) {
		drop_client_if_empty(queue, client);
		return -ENOMEM;
	}
	list_push_back(&request->queries, &query->node);
	list_init(&query->alike);
	query->queue_request = request;
	queue->length++;
	return 0;
}

void queue_pass(struct queue *queue, const struct db_query *query)
{
	assert(queue->length == 0);
	queue->ring.served = true;
	queue->ring.last = query->owner.user;
}

struct db_query *queue_pop(struct queue *queue)
{
	struct queue_user *user;
	struct queue_client *client;
	struct queue_request *request;
	struct db_query *query;

	if (queue->length == 0)
		return NULL;
	user = LIST_ENTRY(next_in_turn(&queue->ring), struct queue_user, place);
	client = LIST_ENTRY(next_in_turn(&user->ring), struct queue_client, place);
	request = LIST_ENTRY(next_in_turn(&client->ring), struct queue_request, place);
	query = LIST_ENTRY(request->queries.next, struct db_query, node);
	queue_remove(queue, query);
	return query;
}

void queue_remove(struct queue *queue, struct db_query *query)
{
	struct queue_request *request = query->queue_request;

	assert(request != NULL);
	list_remove(&query->node);
	list_remove(&query->alike);
	query->queue_request = NULL;
	queue->length--;
	drop_request_if_empty(queue, request);
}
