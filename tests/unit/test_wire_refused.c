/* SPDX-License-Identifier: PostgreSQL */
/* Every way to get a request wrong: the code, the key, what the message says and which id is
 * answered. */
#include "base/mem.h"
#include "unit/wire.h"
#include "wire/request.h"

#include <errno.h>

#define LINE_NUMBER 99

/* id NULL: the line's number. key NULL: none. Code bad_request. */
static const struct {
	const char *line, *key, *message, *id;
} refused[] = {
	/* no JSON object */
	{"", NULL, "not a JSON object", NULL},
	{" {\"ping\":true}", NULL, "not a JSON object", NULL},
	{"[]", NULL, "not a JSON object", NULL},
	{"null", NULL, "not a JSON object", NULL},
	{"\"gather\"", NULL, "not a JSON object", NULL},
	{"GET / HTTP/1.1", NULL, "not a JSON object", NULL},
	{"select 1", NULL, "not a JSON object", NULL},
	{"\xef\xbb\xbf{\"ping\":true}", NULL, "not a JSON object", NULL},
	/* syntax, with the place */
	{"{", NULL, "not valid JSON at byte 2: expected a key in quotes", NULL},
	{"{\"id\":7", NULL, "not valid JSON at byte 8: expected , or }", NULL},
	{"{\"id\":7,\"gather\":[\"x\",}]}", NULL, "not valid JSON at byte 23: expected a value",
	 NULL},
	{"{\"ping\":true}x", NULL, "not valid JSON at byte 14: something after the value", NULL},
	{"{\"ping\":true}{\"ping\":true}", NULL, "at byte 14: something after", NULL},
	{"{'ping':true}", NULL, "not valid JSON at byte 2: expected a key", NULL},
	{"{ping:true}", NULL, "not valid JSON at byte 2: expected a key", NULL},
	{"{\"ping\":True}", NULL, "not valid JSON at byte 9: expected a value", NULL},
	{"{\"ping\":true,}", NULL, "not valid JSON at byte 14: expected a key", NULL},
	{"{\"ping\" true}", NULL, "at byte 9: expected : after a key", NULL},
	{"{\"id\":01,\"ping\":true}", NULL, "at byte 7: a malformed number", NULL},
	{"{\"id\":1.,\"ping\":true}", NULL, "at byte 7: a malformed number", NULL},
	{"{\"id\":NaN,\"ping\":true}", NULL, "at byte 7: expected a value", NULL},
	{"{\"id\":\"a,\"ping\":true}", NULL, "not valid JSON at byte 11: expected , or }", NULL},
	{"{\"id\":\"a\\x\",\"ping\":true}", NULL, "an unknown escape", NULL},
	{"{\"id\":\"\\ud800\",\"ping\":true}", NULL, "half of a surrogate pair", NULL},
	{"{\"id\":\"\xff\",\"ping\":true}", NULL, "at byte 8: bytes that are no UTF-8", NULL},
	{"{\"id\":\"a\tb\",\"ping\":true}", NULL, "at byte 9: a control character", NULL},
	{"{\"gather\":[\"select 1]}", NULL, "at byte 12: a string that does not end", NULL},
	/* repeated keys, anywhere */
	{"{\"id\":7,\"ping\":true,\"ping\":true}", "ping", "repeated key \"ping\" at byte 21", "7"},
	{"{\"id\":7,\"id\":7,\"ping\":true}", "id", "repeated key \"id\" at byte 9", NULL},
	{"{\"id\":7,\"id\":8,\"x\":{\"a\":1,\"a\":1}}", "a", "repeated key \"a\"", NULL},
	{"{\"id\":7,\"db\":\"a\",\"db\":null,\"gather\":[]}", "db", "repeated key \"db\"", "7"},
	{"{\"id\":7,\"gather\":[{\"sql\":\"a\",\"sql\":\"b\"}]}", "sql", "repeated key \"sql\"",
	 "7"},
	{"{\"id\":7,\"gather\":{\"a\":\"x\",\"a\":\"y\"}}", "a", "repeated key \"a\"", "7"},
	{"{\"id\":7,\"gather\":{\"a\":\"x\",\"\\u0061\":\"y\"}}", "a", "repeated key \"a\"", "7"},
	{"{\"id\":7,\"gather\":[{\"sql\":\"a\",\"params\":{\"p\":1,\"p\":1}}]}", "p", "repeated",
	 "7"},
	{"{\"id\":7,\"gather\":[{\"sql\":\"a\",\"params\":[{\"json\":{\"p\":1,\"p\":1}}]}]}", "p",
	 "repeated key \"p\"", "7"},
	/* ids */
	{"{\"id\":1.0,\"ping\":true}", "id", "\"id\" must be a string of at most 128 bytes", NULL},
	{"{\"id\":1e3,\"ping\":true}", "id", "or an integer", NULL},
	{"{\"id\":true,\"ping\":true}", "id", "\"id\" must be", NULL},
	{"{\"id\":[1],\"ping\":true}", "id", "\"id\" must be", NULL},
	{"{\"id\":{},\"ping\":true}", "id", "\"id\" must be", NULL},
	{"{\"ping\":true,\"bogus\":1,\"id\":false}", "id", "\"id\" must be", NULL},
	/* verbs */
	{"{}", NULL, "no verb", NULL},
	{"{\"id\":7}", NULL,
	 "no verb: one of gather, report, reports, listen, cancel, ping and stats", "7"},
	{"{\"id\":null}", NULL, "no verb", NULL},
	{"{\"id\":7,\"gather\":null}", NULL, "no verb", "7"},
	{"{\"id\":7,\"db\":\"main\",\"timeout\":3}", NULL, "no verb", "7"},
	{"{\"ping\":true,\"stats\":true,\"id\":7}", "stats", "two verbs: \"ping\" and \"stats\"",
	 "7"},
	{"{\"gather\":[],\"report\":\"x\"}", "report", "two verbs: \"gather\" and \"report\"",
	 NULL},
	{"{\"cancel\":1,\"ping\":false}", "ping", "two verbs", NULL},
	{"{\"ping\":false}", "ping", "\"ping\" must be true", NULL},
	{"{\"ping\":1}", "ping", "\"ping\" must be true", NULL},
	{"{\"ping\":\"true\"}", "ping", "\"ping\" must be true", NULL},
	{"{\"stats\":{}}", "stats", "\"stats\" must be true", NULL},
	{"{\"reports\":[]}", "reports", "\"reports\" must be true", NULL},
	{"{\"listen\":\"a\"}", "listen", "\"listen\" must be an array of one channel or more",
	 NULL},
	{"{\"listen\":[]}", "listen", "must be an array of one channel or more", NULL},
	{"{\"listen\":{\"a\":1}}", "listen", "must be an array", NULL},
	{"{\"listen\":[\"a\",7]}", "listen", "a channel is a string that is not empty", NULL},
	{"{\"listen\":[\"\"]}", "listen", "a channel is a string that is not empty", NULL},
	{"{\"listen\":[\"a\\u0000\"]}", "listen", "without \\u0000", NULL},
	{"{\"listen\":[\"1234567890123456789012345678901234567890123456789012345678901234\"]}",
	 "listen", "a channel has at most 63 bytes", NULL},
	{"{\"listen\":[\"a\",\"b\",\"a\"],\"id\":7}", "listen", "channel \"a\" stands there twice",
	 "7"},
	{"{\"listen\":[\"a\"],\"timeout\":1}", "timeout", "does not go with \"listen\"", NULL},
	{"{\"cancel\":true}", "cancel", "\"cancel\" must be a string of at most 128 bytes", NULL},
	{"{\"cancel\":1.5}", "cancel", "or an integer", NULL},
	{"{\"cancel\":[1]}", "cancel", "\"cancel\" must be", NULL},
	{"{\"id\":1,\"report\":true}", "report", "\"report\" must be a string", "1"},
	{"{\"id\":1,\"report\":\"a\\u0000\"}", "report", "a string without \\u0000", "1"},
	/* unknown keys */
	{"{\"id\":7,\"pong\":true}", "pong", "unknown key \"pong\"", "7"},
	{"{\"id\":7,\"ping\":true,\"x\":null}", "x", "unknown key \"x\"", "7"},
	{"{\"id\":7,\"ping\":true,\"\":1}", "", "unknown key \"\"", "7"},
	{"{\"id\":7,\"ping\":true,\"Id\":1}", "Id", "unknown key \"Id\"", "7"},
	{"{\"id\":7,\"ping\":true,\"a\\u0000b\":1}",
	 "a\xef\xbf\xbd"
	 "b",
	 "unknown key \"a\xef\xbf\xbd"
	 "b\"",
	 "7"},
	{"{\"id\":7,\"ping\":true,\"a\\\"b\":1}", "a\"b", "unknown key \"a\"b\"", "7"},
	{"{\"id\":\"x\",\"gather\":[],\"max_rows\":1}", "max_rows",
	 "unknown key \"max_rows\"; it belongs into an item of \"gather\"", "\"x\""},
	{"{\"gather\":[],\"sql\":\"select 1\"}", "sql",
	 "unknown key \"sql\"; it belongs into an item", NULL},
	{"{\"gather\":[],\"isolation\":\"serializable\"}", "isolation", "unknown key", NULL},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":3}", "jsonrpc", "unknown key \"jsonrpc\"",
	 "3"},
	/* keys of other verbs */
	{"{\"ping\":true,\"timeout\":1}", "timeout", "\"timeout\" does not go with \"ping\"", NULL},
	{"{\"stats\":true,\"db\":\"main\"}", "db", "\"db\" does not go with \"stats\"", NULL},
	{"{\"reports\":true,\"params\":{}}", "params", "\"params\" does not go with \"reports\"",
	 NULL},
	{"{\"cancel\":7,\"stream\":false}", "stream", "\"stream\" does not go with \"cancel\"",
	 NULL},
	{"{\"gather\":[],\"time_out\":1}", "time_out",
	 "unknown key \"time_out\"; did you mean \"timeout\"?", NULL},
	{"{\"report\":\"r\",\"snapshots\":true}", "snapshots", "did you mean \"snapshot\"?", NULL},
	{"{\"gather\":[],\"params\":[1]}", "params",
	 "\"params\" does not go with \"gather\"; it belongs into an item of \"gather\"", NULL},
	{"{\"ping\":true,\"format\":\"x\"}", "format", "does not go with", NULL},
	/* options */
	{"{\"gather\":[],\"db\":1}", "db", "\"db\" must be a string", NULL},
	{"{\"gather\":[],\"db\":[\"a\"]}", "db", "\"db\" must be a string", NULL},
	{"{\"gather\":[],\"db\":\"a\\u0000b\"}", "db", "a string without \\u0000", NULL},
	{"{\"gather\":[],\"timeout\":0}", "timeout",
	 "\"timeout\" must be a number of seconds above 0", NULL},
	{"{\"gather\":[],\"timeout\":-0.0}", "timeout", "seconds above 0", NULL},
	{"{\"gather\":[],\"timeout\":-1}", "timeout", "seconds above 0", NULL},
	{"{\"gather\":[],\"timeout\":\"5\"}", "timeout", "seconds above 0", NULL},
	{"{\"gather\":[],\"timeout\":true}", "timeout", "seconds above 0", NULL},
	{"{\"gather\":[],\"timeout\":[1]}", "timeout", "seconds above 0", NULL},
	{"{\"gather\":[],\"timeout\":1e309}", "timeout", "seconds above 0", NULL},
	{"{\"gather\":[],\"timeout\":1e999999999}", "timeout", "seconds above 0", NULL},
	{"{\"gather\":[],\"timeout\":1e-999999999}", "timeout", "seconds above 0", NULL},
	{"{\"gather\":[],\"on_error\":\"stop\"}", "on_error",
	 "\"on_error\" must be \"continue\" or \"cancel\"", NULL},
	{"{\"gather\":[],\"on_error\":true}", "on_error", "must be \"continue\"", NULL},
	{"{\"gather\":[],\"on_error\":\"Cancel\"}", "on_error", "must be", NULL},
	{"{\"gather\":[],\"stream\":1}", "stream", "\"stream\" must be true or false", NULL},
	{"{\"gather\":[],\"stream\":\"true\"}", "stream", "true or false", NULL},
	{"{\"gather\":[],\"rows\":\"object\"}", "rows",
	 "\"rows\" must be \"arrays\" or \"objects\"", NULL},
	{"{\"gather\":[],\"rows\":1}", "rows", "must be", NULL},
	{"{\"gather\":[],\"values\":\"csv\"}", "values", "\"values\" must be \"json\" or \"text\"",
	 NULL},
	{"{\"gather\":[],\"values\":[\"json\"]}", "values", "must be", NULL},
	{"{\"gather\":[],\"concurrency\":0}", "concurrency",
	 "\"concurrency\" must be an integer of 1 or more", NULL},
	{"{\"gather\":[],\"concurrency\":-3}", "concurrency", "an integer of 1 or more", NULL},
	{"{\"gather\":[],\"concurrency\":1.5}", "concurrency", "an integer of 1 or more", NULL},
	{"{\"gather\":[],\"concurrency\":2.0}", "concurrency", "an integer of 1 or more", NULL},
	{"{\"gather\":[],\"concurrency\":1e1}", "concurrency", "an integer of 1 or more", NULL},
	{"{\"gather\":[],\"concurrency\":\"8\"}", "concurrency", "an integer of 1 or more", NULL},
	{"{\"gather\":[],\"concurrency\":99999999999999999999}", "concurrency", "an integer", NULL},
	{"{\"gather\":[],\"snapshot\":1}", "snapshot", "\"snapshot\" must be true or false", NULL},
	{"{\"id\":7,\"gather\":[],\"format\":\"csv\"}", "format", "\"format\" is reserved", "7"},
	/* the gather */
	{"{\"gather\":\"select 1\"}", "gather", "\"gather\" must be an array of items or an object",
	 NULL},
	{"{\"gather\":1}", "gather", "\"gather\" must be", NULL},
	{"{\"gather\":true}", "gather", "\"gather\" must be", NULL},
	/* items */
	{"{\"gather\":[1]}", NULL, "item 0: must be a SQL string or an object", NULL},
	{"{\"gather\":[\"a\",null]}", NULL, "item 1: must be a SQL string or an object", NULL},
	{"{\"gather\":[\"a\",\"b\",[\"c\"]]}", NULL, "item 2: must be", NULL},
	{"{\"gather\":{\"top\":false}}", NULL, "item \"top\": must be a SQL string or an object",
	 NULL},
	{"{\"id\":7,\"gather\":[\"a\",{}]}", "sql", "item 1: no \"sql\"", "7"},
	{"{\"gather\":[{\"sql\":null}]}", "sql", "item 0: no \"sql\"", NULL},
	{"{\"gather\":{\"x\":{\"name\":\"x\"}}}", "sql", "item \"x\": no \"sql\"", NULL},
	{"{\"gather\":[{\"sql\":1}]}", "sql", "item 0: \"sql\" must be a string", NULL},
	{"{\"gather\":[{\"sql\":[\"a\"]}]}", "sql", "item 0: \"sql\" must be a string", NULL},
	{"{\"id\":7,\"gather\":[\"a\",\"b\",\"c\",{\"sql\":\"x\",\"parms\":[]}]}", "parms",
	 "item 3: unknown key \"parms\"; did you mean \"params\"?", "7"},
	{"{\"gather\":[{\"sql\":\"x\",\"query\":null}]}", "query", "item 0: unknown key \"query\"",
	 NULL},
	{"{\"gather\":{\"a\\nb\":{\"sql\":\"x\",\"q\":1}}}", "q",
	 "item \"a\nb\": unknown key \"q\"", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"rows\":\"arrays\"}]}", "rows",
	 "item 0: unknown key \"rows\"", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"name\":1}]}", "name", "item 0: \"name\" must be a string",
	 NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"name\":\"\\u0000\"}]}", "name", "without \\u0000", NULL},
	{"{\"gather\":{\"a\":\"x\",\"b\\u0000\":\"y\"}}", "b\xef\xbf\xbd", "a name with \\u0000",
	 NULL},
	{"{\"gather\":{\"a\":{\"sql\":\"x\",\"name\":\"b\"}}}", "name",
	 "item \"a\": its name is its key in \"gather\", not \"b\"", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"name\":\"n\"},\"y\",{\"sql\":\"z\",\"name\":\"n\"}]}",
	 "name", "items 0 and 2 are both named \"n\"", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"name\":\"\"},{\"sql\":\"z\",\"name\":\"\"}]}", "name",
	 "items 0 and 1 are both named \"\"", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"db\":1}]}", "db", "item 0: \"db\" must be a string", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"db\":\"\\u0000\"}]}", "db", "item 0: \"db\"", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"timeout\":0}]}", "timeout", "item 0: \"timeout\" must be",
	 NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"timeout\":\"1s\"}]}", "timeout", "item 0: \"timeout\"",
	 NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"timeout\":1e400}]}", "timeout", "item 0: \"timeout\"",
	 NULL},
	/* sequences and transactions */
	{"{\"gather\":[{\"sequence\":[]}]}", "sequence",
	 "item 0: \"sequence\" must be an array of at least one step", NULL},
	{"{\"gather\":[{\"transaction\":[]}]}", "transaction",
	 "item 0: \"transaction\" must be an array of at least one step", NULL},
	{"{\"gather\":[\"a\",{\"sequence\":\"x\"}]}", "sequence",
	 "item 1: \"sequence\" must be an array", NULL},
	{"{\"gather\":[{\"transaction\":{}}]}", "transaction", "must be an array", NULL},
	{"{\"gather\":[{\"sequence\":{\"a\":\"x\"}}]}", "sequence", "must be an array", NULL},
	{"{\"gather\":[{\"sequence\":true}]}", "sequence", "must be an array", NULL},
	{"{\"gather\":[{\"sequence\":1}]}", "sequence", "must be an array", NULL},
	{"{\"gather\":[{\"sequence\":null}]}", "sql",
	 "item 0: no \"sql\", \"sequence\" or \"transaction\"", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\"],\"sql\":\"y\"}]}", "sql",
	 "item 0: both \"sequence\" and \"sql\"", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\"],\"transaction\":[\"y\"]}]}", "transaction",
	 "item 0: both \"sequence\" and \"transaction\"", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"transaction\":[]}]}", "transaction",
	 "item 0: both \"sql\" and \"transaction\"", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\"],\"params\":[1]}]}", "params",
	 "item 0: \"params\" does not go with \"sequence\"", NULL},
	{"{\"gather\":[{\"transaction\":[\"x\"],\"params\":{}}]}", "params",
	 "item 0: \"params\" does not go with \"transaction\"", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\"],\"max_rows\":1}]}", "max_rows",
	 "item 0: \"max_rows\" does not go with \"sequence\"", NULL},
	{"{\"gather\":[{\"transaction\":[\"x\"],\"max_rows\":1}]}", "max_rows",
	 "\"max_rows\" does not go with \"transaction\"", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\"],\"stream\":true}]}", "stream",
	 "item 0: unknown key \"stream\"", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\"],\"steps\":[\"y\"]}]}", "steps",
	 "item 0: unknown key \"steps\"", NULL},
	{"{\"gather\":[{\"transaction\":[\"x\"],\"on_error\":\"cancel\"}]}", "on_error",
	 "item 0: unknown key \"on_error\"", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\"],\"name\":1}]}", "name",
	 "item 0: \"name\" must be a string", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\"],\"db\":1}]}", "db", "item 0: \"db\" must be a string",
	 NULL},
	{"{\"gather\":[{\"transaction\":[\"x\"],\"timeout\":-1}]}", "timeout",
	 "item 0: \"timeout\" must be a number of seconds", NULL},
	{"{\"id\":7,\"gather\":{\"a\":{\"sequence\":[\"x\"],\"name\":\"b\"}}}", "name",
	 "item \"a\": its name is its key", "7"},
	{"{\"gather\":[{\"name\":\"n\",\"sql\":\"x\"},{\"sequence\":[\"x\"],\"name\":\"n\"}]}",
	 "name", "items 0 and 1 are both named \"n\"", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\"],\"name\":\"n\"},{\"transaction\":[\"x\"],\"name\":"
	 "\"n\"}]}",
	 "name", "items 0 and 1 are both named \"n\"", NULL},
	/* steps */
	{"{\"gather\":[{\"sequence\":[1]}]}", NULL,
	 "item 0, step 0: must be a SQL string or an object", NULL},
	{"{\"gather\":[\"a\",{\"transaction\":[\"x\",null]}]}", NULL,
	 "item 1, step 1: must be a SQL string or an object", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\",[\"y\"]]}]}", NULL, "item 0, step 1: must be", NULL},
	{"{\"gather\":{\"move\":{\"transaction\":[\"x\",true]}}}", NULL,
	 "item \"move\", step 1: must be", NULL},
	{"{\"gather\":[{\"sequence\":[{}]}]}", "sql", "item 0, step 0: no \"sql\"", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\",{\"name\":\"n\"}]}]}", "sql",
	 "item 0, step 1: no \"sql\"", NULL},
	{"{\"gather\":[{\"sequence\":[{\"sql\":null}]}]}", "sql", "item 0, step 0: no \"sql\"",
	 NULL},
	{"{\"gather\":[{\"sequence\":[{\"sql\":1}]}]}", "sql",
	 "item 0, step 0: \"sql\" must be a string", NULL},
	{"{\"gather\":[{\"sequence\":[{\"sql\":\"x\",\"bogus\":1}]}]}", "bogus",
	 "item 0, step 0: unknown key \"bogus\"", NULL},
	{"{\"gather\":[{\"sequence\":[{\"sql\":\"x\",\"db\":\"main\"}]}]}", "db",
	 "item 0, step 0: \"db\" does not go with a step", NULL},
	{"{\"gather\":[{\"transaction\":[\"a\",{\"sql\":\"x\",\"db\":\"main\"}],\"db\":\"main\"}]}",
	 "db", "item 0, step 1: \"db\" does not go with a step", NULL},
	{"{\"gather\":[{\"sequence\":[{\"sequence\":[\"x\"]}]}]}", "sequence",
	 "item 0, step 0: \"sequence\" does not go with a step", NULL},
	{"{\"gather\":[{\"sequence\":[{\"transaction\":[\"x\"]}]}]}", "transaction",
	 "step 0: \"transaction\" does not go with a step", NULL},
	{"{\"gather\":[{\"transaction\":[\"x\",{\"sequence\":[]}]}]}", "sequence",
	 "step 1: \"sequence\" does not go with a step", NULL},
	{"{\"gather\":[{\"transaction\":[{\"sql\":\"x\",\"sequence\":[\"y\"]}]}]}", "sequence",
	 "step 0: \"sequence\" does not go with a step", NULL},
	{"{\"gather\":[{\"transaction\":[{\"sql\":\"x\",\"isolation\":\"serializable\"}]}]}",
	 "isolation", "step 0: \"isolation\" does not go with a step", NULL},
	{"{\"gather\":[{\"transaction\":[{\"sql\":\"x\",\"read_only\":true}]}]}", "read_only",
	 "step 0: \"read_only\" does not go with a step", NULL},
	{"{\"gather\":[{\"transaction\":[{\"sql\":\"x\",\"deferrable\":false}]}]}", "deferrable",
	 "step 0: \"deferrable\" does not go with a step", NULL},
	{"{\"gather\":[{\"sequence\":[{\"sql\":\"x\",\"timeout\":0}]}]}", "timeout",
	 "item 0, step 0: \"timeout\" must be", NULL},
	{"{\"gather\":[{\"sequence\":[{\"sql\":\"x\",\"name\":[]}]}]}", "name",
	 "item 0, step 0: \"name\" must be a string", NULL},
	{"{\"gather\":[{\"sequence\":[{\"sql\":\"x\",\"params\":1}]}]}", "params",
	 "item 0, step 0: \"params\" must be an array or an object", NULL},
	{"{\"gather\":[{\"sequence\":[{\"sql\":\"x\",\"params\":[1e999]}]}]}", "params",
	 "item 0, step 0: parameter $1: the number \"1e999\"", NULL},
	{"{\"gather\":[{\"sequence\":[{\"sql\":\"x\",\"max_rows\":0}]}]}", "max_rows",
	 "item 0, step 0: \"max_rows\" must be", NULL},
	{"{\"id\":7,\"gather\":[{\"sequence\":[{\"sql\":\"x\",\"sql\":\"y\"}]}]}", "sql",
	 "repeated key \"sql\"", "7"},
	/* how a transaction runs */
	{"{\"gather\":[{\"transaction\":[\"x\"],\"isolation\":\"snapshot\"}]}", "isolation",
	 "item 0: \"isolation\" must be \"read committed\", \"repeatable read\" or "
	 "\"serializable\"",
	 NULL},
	{"{\"gather\":[{\"transaction\":[\"x\"],\"isolation\":\"SERIALIZABLE\"}]}", "isolation",
	 "\"isolation\" must be", NULL},
	{"{\"gather\":[{\"transaction\":[\"x\"],\"isolation\":\"read uncommitted\"}]}", "isolation",
	 "\"isolation\" must be", NULL},
	{"{\"gather\":[{\"transaction\":[\"x\"],\"isolation\":\"serializable; drop\"}]}",
	 "isolation", "\"isolation\" must be", NULL},
	{"{\"gather\":[{\"transaction\":[\"x\"],\"isolation\":\"\"}]}", "isolation",
	 "\"isolation\" must be", NULL},
	{"{\"gather\":[{\"transaction\":[\"x\"],\"isolation\":true}]}", "isolation",
	 "\"isolation\" must be", NULL},
	{"{\"gather\":[{\"transaction\":[\"x\"],\"read_only\":1}]}", "read_only",
	 "item 0: \"read_only\" must be true or false", NULL},
	{"{\"gather\":[{\"transaction\":[\"x\"],\"read_only\":\"true\"}]}", "read_only",
	 "true or false", NULL},
	{"{\"gather\":[{\"transaction\":[\"x\"],\"deferrable\":[]}]}", "deferrable",
	 "item 0: \"deferrable\" must be true or false", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\"],\"isolation\":\"serializable\"}]}", "isolation",
	 "\"isolation\" does not go with \"sequence\"", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\"],\"read_only\":false}]}", "read_only",
	 "\"read_only\" does not go with \"sequence\"", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\"],\"deferrable\":true}]}", "deferrable",
	 "\"deferrable\" does not go with \"sequence\"", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"isolation\":\"serializable\"}]}", "isolation",
	 "item 0: \"isolation\" does not go with \"sql\"", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"read_only\":true}]}", "read_only",
	 "item 0: \"read_only\" does not go with \"sql\"", NULL},
	{"{\"gather\":[{\"deferrable\":true,\"sql\":\"x\"}]}", "deferrable",
	 "item 0: \"deferrable\" does not go with \"sql\"", NULL},
	/* max_rows */
	{"{\"gather\":[{\"sql\":\"x\",\"max_rows\":0}]}", "max_rows",
	 "item 0: \"max_rows\" must be an integer of 1 or more", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"max_rows\":-1}]}", "max_rows", "an integer of 1 or more",
	 NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"max_rows\":1.5}]}", "max_rows", "an integer of 1 or more",
	 NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"max_rows\":1.0}]}", "max_rows", "an integer of 1 or more",
	 NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"max_rows\":1e3}]}", "max_rows", "an integer of 1 or more",
	 NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"max_rows\":9223372036854775808}]}", "max_rows",
	 "an integer of 1 or more", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"max_rows\":\"10\"}]}", "max_rows",
	 "an integer of 1 or more", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"max_rows\":true}]}", "max_rows", "an integer of 1 or more",
	 NULL},
	/* snapshots */
	{"{\"gather\":[\"a\",{\"sequence\":[\"x\"]}],\"snapshot\":true}", "snapshot",
	 "item 1: a sequence does not go with \"snapshot\"", NULL},
	{"{\"id\":7,\"snapshot\":true,\"gather\":[{\"transaction\":[\"x\"]}]}", "snapshot",
	 "item 0: a transaction does not go with \"snapshot\"", "7"},
	{"{\"snapshot\":true,\"gather\":{\"a\":\"x\",\"b\":{\"sequence\":[\"x\"]}}}", "snapshot",
	 "item \"b\": a sequence does not go", NULL},
	{"{\"gather\":[{\"name\":\"a\",\"sql\":\"x\",\"db\":\"one\"},{\"name\":\"b\",\"sql\":\"x\","
	 "\"db\":\"two\"}],\"snapshot\":true}",
	 "snapshot", "item 1: a snapshot is of one database, not of \"one\" and \"two\"", NULL},
	{"{\"gather\":[\"x\",{\"name\":\"b\",\"sql\":\"x\",\"db\":\"two\"}],\"snapshot\":true,"
	 "\"db\":\"one\"}",
	 "snapshot", "item 1: a snapshot is of one database, not of \"one\" and \"two\"", NULL},
	{"{\"gather\":[{\"name\":\"b\",\"sql\":\"x\",\"db\":\"two\"},\"x\"],\"snapshot\":true,"
	 "\"db\":\"one\"}",
	 "snapshot", "item 1: a snapshot is of one database, not of \"two\" and \"one\"", NULL},
	{"{\"gather\":[\"x\",{\"name\":\"a\",\"sql\":\"x\",\"db\":\"one\"},\"x\",{\"name\":\"b\","
	 "\"sql\":\"x\",\"db\":\"two\"}],\"snapshot\":true}",
	 "snapshot", "item 3: a snapshot is of one database", NULL},
	{"{\"gather\":[\"x\"],\"snapshot\":\"true\"}", "snapshot",
	 "\"snapshot\" must be true or false", NULL},
	/* references */
	{"{\"gather\":[{\"name\":\"a\",\"sql\":\"x\",\"params\":[1,{\"from\":\"b\",\"column\":"
	 "\"c\"}]}]}",
	 "from", "item 0: parameter $2: no item is named \"b\"", NULL},
	{"{\"gather\":[\"x\",{\"sql\":\"x\",\"params\":{\"p\":{\"from\":\"\",\"column\":\"c\"}}}]}",
	 "from", "item 1: parameter \"p\": no item is named \"\"", NULL},
	{"{\"gather\":[{\"name\":\"A\",\"sql\":\"x\"},{\"name\":\"b\",\"sql\":\"x\",\"params\":[{"
	 "\"from\":\"a\",\"column\":\"c\"}]}]}",
	 "from", "item 1: parameter $1: no item is named \"a\"", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"params\":[{\"from\":\"a\",\"column\":\"c\"}]},\"x\"]}",
	 "from", "item 0: parameter $1: no item is named \"a\"", NULL},
	{"{\"gather\":[{\"name\":\"a\",\"sql\":\"x\",\"params\":[{\"from\":\"a\",\"column\":\"c\"}]"
	 "}]}",
	 "from", "item 0: parameter $1: an item cannot refer to itself", NULL},
	{"{\"gather\":{\"a\":{\"sql\":\"x\",\"params\":{\"p\":{\"from\":\"a\",\"column\":\"c\"}}}}"
	 "}",
	 "from", "item \"a\": parameter \"p\": an item cannot refer to itself", NULL},
	{"{\"gather\":{\"a\":{\"sql\":\"x\",\"params\":[{\"from\":\"z\",\"column\":\"c\"}]},\"b\":"
	 "\"y\"}}",
	 "from", "item \"a\": parameter $1: no item is named \"z\"", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\"],\"name\":\"s\"},{\"name\":\"a\",\"sql\":\"x\","
	 "\"params\":[{\"from\":\"s\",\"column\":\"c\"}]}]}",
	 "from",
	 "item 1: parameter $1: \"s\" is a sequence: only the rows of a query can be referred to",
	 NULL},
	{"{\"gather\":[{\"name\":\"a\",\"sql\":\"x\",\"params\":[{\"from\":\"t\",\"column\":\"c\"}]"
	 "},{\"transaction\":[\"x\"],\"name\":\"t\"}]}",
	 "from", "\"t\" is a transaction: only the rows of a query", NULL},
	{"{\"gather\":[{\"sequence\":[\"x\",{\"sql\":\"x\",\"params\":[{\"from\":\"s\",\"column\":"
	 "\"c\"}]}],\"name\":\"s\"}]}",
	 "from", "item 0, step 1: parameter $1: an item cannot refer to itself", NULL},
	{"{\"gather\":[{\"sequence\":[{\"name\":\"one\",\"sql\":\"x\"},{\"sql\":\"x\",\"params\":[{"
	 "\"from\":\"one\",\"column\":\"c\"}]}]}]}",
	 "from", "item 0, step 1: parameter $1: no item is named \"one\"", NULL},
	{"{\"gather\":{\"s\":{\"transaction\":[{\"sql\":\"x\",\"params\":[2,{\"from\":\"q\","
	 "\"column\":\"c\"}]}]}}}",
	 "from", "item \"s\", step 0: parameter $2: no item is named \"q\"", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"params\":[{\"from\":0,\"column\":\"c\"}]}]}", "from",
	 "parameter $1: \"from\" must be the name of an item", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"params\":[{\"from\":null,\"column\":\"c\"}]}]}", "from",
	 "\"from\" must be the name of an item", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"params\":[{\"from\":[\"a\"],\"column\":\"c\"}]}]}", "from",
	 "\"from\" must be the name of an item", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"params\":[{\"from\":\"a\\u0000\",\"column\":\"c\"}]}]}",
	 "from", "\"from\" must be the name of an item", NULL},
	{"{\"gather\":[{\"name\":\"a\",\"sql\":\"x\"},{\"name\":\"b\",\"sql\":\"x\",\"params\":[{"
	 "\"from\":\"a\",\"column\":0}]}]}",
	 "column", "item 1: parameter $1: \"column\" must be the name of a column", NULL},
	{"{\"gather\":[{\"name\":\"a\",\"sql\":\"x\"},{\"name\":\"b\",\"sql\":\"x\",\"params\":[{"
	 "\"from\":\"a\",\"column\":null}]}]}",
	 "column", "\"column\" must be the name of a column", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"params\":[{\"from\":\"a\",\"column\":\"\\u0000\"}]}]}",
	 "column", "\"column\" must be the name of a column", NULL},
	{"{\"gather\":[{\"name\":\"a\",\"sql\":\"x\"},{\"name\":\"b\",\"sql\":\"x\",\"params\":[{"
	 "\"from\":\"a\",\"column\":\"c\",\"row\":-1}]}]}",
	 "row", "item 1: parameter $1: \"row\" must be an integer of 0 or more", NULL},
	{"{\"gather\":[{\"name\":\"a\",\"sql\":\"x\"},{\"name\":\"b\",\"sql\":\"x\",\"params\":[{"
	 "\"from\":\"a\",\"column\":\"c\",\"row\":0.5}]}]}",
	 "row", "\"row\" must be an integer of 0 or more", NULL},
	{"{\"gather\":[{\"name\":\"a\",\"sql\":\"x\"},{\"name\":\"b\",\"sql\":\"x\",\"params\":[{"
	 "\"from\":\"a\",\"column\":\"c\",\"row\":\"0\"}]}]}",
	 "row", "\"row\" must be an integer of 0 or more", NULL},
	{"{\"gather\":[{\"name\":\"a\",\"sql\":\"x\"},{\"name\":\"b\",\"sql\":\"x\",\"params\":[{"
	 "\"from\":\"a\",\"column\":\"c\",\"row\":true}]}]}",
	 "row", "\"row\" must be an integer of 0 or more", NULL},
	{"{\"gather\":[{\"name\":\"a\",\"sql\":\"x\"},{\"name\":\"b\",\"sql\":\"x\",\"params\":[{"
	 "\"from\":\"a\",\"column\":\"c\",\"row\":10000000000000000000}]}]}",
	 "row", "\"row\" must be an integer of 0 or more", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"params\":[{\"from\":\"a\",\"column\":\"c\",\"row\":1e999}]}"
	 "]}",
	 "params", "the number \"1e999\" is beyond a double", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"params\":[{\"from\":\"a\",\"column\":\"c\",\"from\":\"b\"}]"
	 "}]}",
	 "from", "repeated key \"from\"", NULL},
	/* references in a circle */
	{"{\"gather\":[{\"name\":\"a\",\"sql\":\"x\",\"params\":[{\"from\":\"b\",\"column\":\"c\"}]"
	 "},{\"name\":\"b\",\"sql\":\"x\",\"params\":[{\"from\":\"a\",\"column\":\"c\"}]}]}",
	 "from", "items \"a\" and \"b\" wait for each other's rows", NULL},
	{"{\"gather\":[{\"name\":\"b\",\"sql\":\"x\",\"params\":[{\"from\":\"c\",\"column\":\"c\"}]"
	 "},{\"name\":\"a\",\"sql\":\"x\",\"params\":[{\"from\":\"b\",\"column\":\"c\"}]},\"x\",{"
	 "\"name\":\"c\",\"sql\":\"x\",\"params\":[{\"from\":\"a\",\"column\":\"c\"}]}]}",
	 "from", "items \"b\", \"c\" and \"a\" wait for each other's rows", NULL},
	{"{\"gather\":[{\"name\":\"x\",\"sql\":\"x\",\"params\":[{\"from\":\"a\",\"column\":\"c\"}]"
	 "},{\"name\":\"a\",\"sql\":\"x\",\"params\":[{\"from\":\"d\",\"column\":\"c\"},{\"from\":"
	 "\"b\",\"column\":\"c\"}]},{\"name\":\"b\",\"sql\":\"x\",\"params\":[{\"from\":\"a\","
	 "\"column\":\"c\",\"row\":0}]},{\"name\":\"d\",\"sql\":\"x\"}]}",
	 "from", "items \"a\" and \"b\" wait", NULL},
	{"{\"gather\":{\"m\":{\"sql\":\"x\",\"params\":[{\"from\":\"n\",\"column\":\"c\"}]},\"n\":{"
	 "\"sql\":\"x\",\"params\":{\"p\":{\"from\":\"m\",\"column\":\"c\"}}}}}",
	 "from", "items \"m\" and \"n\" wait", NULL},
	{"{\"gather\":[{\"name\":\"n0\",\"sql\":\"x\",\"params\":[{\"from\":\"n1\",\"column\":"
	 "\"c\"}]},{\"name\":\"n1\",\"sql\":\"x\",\"params\":[{\"from\":\"n2\",\"column\":\"c\"}]},"
	 "{\"name\":\"n2\",\"sql\":\"x\",\"params\":[{\"from\":\"n3\",\"column\":\"c\"}]},{"
	 "\"name\":\"n3\",\"sql\":\"x\",\"params\":[{\"from\":\"n4\",\"column\":\"c\"}]},{\"name\":"
	 "\"n4\",\"sql\":\"x\",\"params\":[{\"from\":\"n5\",\"column\":\"c\"}]},{\"name\":\"n5\","
	 "\"sql\":\"x\",\"params\":[{\"from\":\"n6\",\"column\":\"c\"}]},{\"name\":\"n6\",\"sql\":"
	 "\"x\",\"params\":[{\"from\":\"n7\",\"column\":\"c\"}]},{\"name\":\"n7\",\"sql\":\"x\","
	 "\"params\":[{\"from\":\"n8\",\"column\":\"c\"}]},{\"name\":\"n8\",\"sql\":\"x\","
	 "\"params\":[{\"from\":\"n9\",\"column\":\"c\"}]},{\"name\":\"n9\",\"sql\":\"x\","
	 "\"params\":[{\"from\":\"n10\",\"column\":\"c\"}]},{\"name\":\"n10\",\"sql\":\"x\","
	 "\"params\":[{\"from\":\"n11\",\"column\":\"c\"}]},{\"name\":\"n11\",\"sql\":\"x\","
	 "\"params\":[{\"from\":\"n0\",\"column\":\"c\"}]}]}",
	 "from", "\"n6\", \"n7\", \xe2\x80\xa6 wait for each other", NULL},
	/* parameters */
	{"{\"gather\":[{\"sql\":\"x\",\"params\":1}]}", "params",
	 "item 0: \"params\" must be an array or an object", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"params\":\"a\"}]}", "params", "an array or an object",
	 NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"params\":true}]}", "params", "an array or an object", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"params\":[1,2,1e309]}]}", "params",
	 "item 0: parameter $3: the number \"1e309\" is beyond a double", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"params\":[[1,[-1e999999999]]]}]}", "params",
	 "item 0: parameter $1: the number \"-1e999999999\" is beyond", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"params\":{\"n\":{\"json\":{\"a\":[1e400]}}}}]}", "params",
	 "item 0: parameter \"n\": the number \"1e400\" is beyond", NULL},
	{"{\"gather\":[{\"sql\":\"x\",\"params\":{\"a\\u0000\":1}}]}", "params",
	 "item 0: a parameter's name with \\u0000", NULL},
	{"{\"report\":\"r\",\"params\":[1]}", "params", "\"params\" must be an object", NULL},
	{"{\"report\":\"r\",\"params\":\"day=1\"}", "params", "an array or an object", NULL},
	{"{\"report\":\"r\",\"params\":{\"day\":1e309}}", "params",
	 "parameter \"day\": the number \"1e309\" is beyond a double", NULL},
	{"{\"report\":\"r\",\"params\":{\"day\":{\"from\":\"a\",\"column\":\"c\"}}}", "params",
	 "parameter \"day\": a report's parameters cannot refer to rows", NULL},
	{"{\"report\":\"r\",\"snapshot\":\"yes\"}", "snapshot", "must be true or false", NULL},
	{"{\"report\":\"r\",\"concurrency\":0}", "concurrency", "an integer of 1 or more", NULL},
};

static struct arena arena;

static void set_up(void)
{
	arena_init(&arena, 0, NULL);
}

static void tear_down(void)
{
	arena_free(&arena);
	ck_assert_uint_eq(mem_live_blocks(), 0);
}

static void check(struct str line, enum err_code code, const char *key, const char *message,
		  const char *id)
{
	static const struct request_limits limits = {.max_queries = 100};
	struct request request;
	struct err err;

	ck_assert_int_eq(request_parse(&arena, line, LINE_NUMBER, &limits, &request, &err),
			 -EINVAL);
	ck_assert_msg(err.code == code, "%.*s: %s", (int)line.len, line.data, err.message);
	ck_assert_int_eq(err.effects, ERR_EFFECTS_NONE);
	ck_assert_msg(strstr(err.message, message) != NULL, "%.*s: %s", (int)line.len, line.data,
		      err.message);
	ck_assert(utf8_valid(err.message, strlen(err.message)));
	if (key == NULL)
		ck_assert_msg(err.key == NULL, "%s", err.key);
	else
		ck_assert_str_eq(err.key, key);
	ck_assert_text(request.id, str_from(id != NULL ? id : "99"));
	/* nothing that could be taken for a request */
	ck_assert_int_eq(request.verb, REQUEST_NONE);
	ck_assert_ptr_null(request.gather.items);
	ck_assert_ptr_null(request.options.db.data);
}

START_TEST(is_refused)
{
	check(str_from(refused[_i].line), ERR_BAD_REQUEST, refused[_i].key, refused[_i].message,
	      refused[_i].id);
}
END_TEST

START_TEST(nul_byte_in_a_line)
{
	check(STR("{\"ping\":true,\0}"), ERR_BAD_REQUEST, NULL, "at byte 14: expected a key", NULL);
	check(STR("{\"id\":\"a\0\"}"), ERR_BAD_REQUEST, NULL, "a control character", NULL);
	check((struct str){0}, ERR_BAD_REQUEST, NULL, "not a JSON object", NULL);
}
END_TEST

START_TEST(too_many_queries)
{
	struct buf line;

	buf_init(&line, 0, NULL);
	buf_puts(&line, "{\"id\":\"big\",\"gather\":[");
	for (int i = 0; i < 101; i++)
		buf_printf(&line, "%s\"select %d\"", i > 0 ? "," : "", i);
	buf_puts(&line, "]}");
	check(buf_str(&line), ERR_TOO_LARGE, NULL,
	      "101 queries in one gather, at most 100 are allowed", "\"big\"");
	buf_free(&line);
}
END_TEST

/* Each step counts, and an item that could not even be read still counts as one. */
START_TEST(too_many_steps)
{
	struct buf line;

	buf_init(&line, 0, NULL);
	buf_puts(&line, "{\"id\":7,\"gather\":[\"a\",{\"sequence\":[]},"
			"{\"sequence\":null,\"transaction\":[");
	for (int i = 0; i < 99; i++)
		buf_puts(&line, i > 0 ? ",\"b\"" : "\"b\"");
	buf_puts(&line, "]}]}");
	check(buf_str(&line), ERR_TOO_LARGE, NULL,
	      "101 queries in one gather, at most 100 are allowed", "7");
	buf_free(&line);
}
END_TEST

START_TEST(long_ids_are_refused)
{
	struct buf line;

	for (int quoted = 0; quoted <= 1; quoted++) {
		buf_init(&line, 0, NULL);
		buf_puts(&line, quoted ? "{\"id\":\"" : "{\"id\":");
		for (int i = 0; i < 129; i++)
			buf_putc(&line, '1');
		buf_puts(&line, quoted ? "\",\"ping\":true}" : ",\"ping\":true}");
		check(buf_str(&line), ERR_BAD_REQUEST, "id", "at most 128 bytes", NULL);
		buf_free(&line);
	}
}
END_TEST

START_TEST(too_deep)
{
	struct buf line;

	buf_init(&line, 0, NULL);
	buf_puts(&line, "{\"gather\":");
	for (int i = 0; i < 1 << 20; i++)
		buf_putc(&line, '[');
	check(buf_str(&line), ERR_BAD_REQUEST, NULL, "at byte 74: nested too deeply", NULL);
	buf_free(&line);
}
END_TEST

/* A megabyte of client text makes no megabyte of message, and no half character. */
START_TEST(quoted_text_is_cut)
{
	struct request_limits limits = {.max_queries = 100};
	struct request request;
	struct buf line;
	struct err err;

	for (int shift = 0; shift < 4; shift++) {
		buf_init(&line, 0, NULL);
		buf_puts(&line, "{\"gather\":{\"");
		for (int i = 0; i < shift; i++)
			buf_putc(&line, 'x');
		for (int i = 0; i < 1 << 18; i++)
			buf_puts(&line, "\xf0\x9f\x98\x80");
		buf_puts(&line, "\":{\"");
		for (int i = 0; i < 1 << 18; i++)
			buf_puts(&line, "\xe2\x82\xac");
		buf_puts(&line, "\":1}}}");
		ck_assert_int_eq(request_parse(&arena, buf_str(&line), 1, &limits, &request, &err),
				 -EINVAL);
		ck_assert(utf8_valid(err.message, strlen(err.message)));
		ck_assert(utf8_valid(err.key, strlen(err.key)));
		ck_assert_uint_lt(strlen(err.message), 250);
		ck_assert_uint_lt(strlen(err.key), 300);
		buf_free(&line);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wire/refused");
	TCase *tcase = suite_case(suite, "refused", 20);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, is_refused, 0, ARRAY_SIZE(refused));
	tcase_add_test(tcase, nul_byte_in_a_line);
	tcase_add_test(tcase, too_many_queries);
	tcase_add_test(tcase, too_many_steps);
	tcase_add_test(tcase, long_ids_are_refused);
	tcase_add_test(tcase, too_deep);
	tcase_add_test(tcase, quoted_text_is_cut);
	return suite_run(suite);
}
