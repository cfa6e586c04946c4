// One name to import for what a server or a client needs: buffers and views, and the loops, servers and connections that lend
// them.
//
// The attribute has an underscore, and there is no other way: a public import makes names usable in public declarations, but
// whoever imports this module would still have to import the two. It is what Foundation and SwiftNIO do for theirs.

@_exported public import IOBuffers
@_exported public import URingBackend
