noinst_LTLIBRARIES += libwire.la
libwire_la_SOURCES = \
	src/wire/escape.c src/wire/escape.h \
	src/wire/escape_decode.c \
	src/wire/json.c src/wire/json.h \
	src/wire/json_reader.h \
	src/wire/json_token.c \
	src/wire/json_value.c \
	src/wire/json_write.c \
	src/wire/keyset.c src/wire/keyset.h \
	src/wire/param.c \
	src/wire/reply.c src/wire/reply.h \
	src/wire/reply_event.c \
	src/wire/reply_listen.c \
	src/wire/reply_shape.c \
	src/wire/reply_write.h \
	src/wire/request.c src/wire/request.h \
	src/wire/request_gather.c \
	src/wire/request_item.c \
	src/wire/request_listen.c \
	src/wire/request_params.c \
	src/wire/request_read.c src/wire/request_read.h \
	src/wire/request_reference.c \
	src/wire/types.c src/wire/types.h \
	src/wire/value.c src/wire/value.h \
	src/wire/value_array.c \
	src/wire/value_embed.c \
	src/wire/value_write.h
EXTRA_DIST += src/wire/types-gen.sql
