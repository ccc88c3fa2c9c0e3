{{ spgl_documents() }}
