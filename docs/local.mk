dist_man_MANS += docs/man/gatherd.ini.5 docs/man/gatherd-report.5
dist_man_MANS += docs/man/gather.1 docs/man/libgather.3 docs/man/gatherd.8
dist_doc_DATA = docs/protocol.md docs/protocol-request.schema.json docs/protocol-answer.schema.json

EXTRA_DIST += SECURITY.md tests/model \
	docs/model/README.md docs/model/batch.pml docs/model/batch_server.pml docs/model/cancel.pml docs/model/cancel_request.pml docs/model/pipeline.pml \
	docs/model/pipeline_server.pml docs/model/pool.pml docs/model/snapshot.pml
