public import GRPCCore

/// A service without a description in protobuf: messages are bytes, and come back as they are.
public struct EchoService: RegistrableRPCService {
  /// One message, one answer.
  public static let say = MethodDescriptor(fullyQualifiedService: "sluice.Echo", method: "Say")
  /// Any number of messages, each answered as it comes.
  public static let chat = MethodDescriptor(fullyQualifiedService: "sluice.Echo", method: "Chat")

  /// There is nothing to configure.
  public init() {}

  /// Called by the server.
  public func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    router.registerHandler(forMethod: Self.say, deserializer: BytesDeserializer(), serializer: BytesSerializer()) {
      request,
      _ in
      let request = try await ServerRequest(stream: request)
      return StreamingServerResponse(single: ServerResponse(message: request.message))
    }
    router.registerHandler(forMethod: Self.chat, deserializer: BytesDeserializer(), serializer: BytesSerializer()) {
      request,
      _ in
      StreamingServerResponse(metadata: [:]) { writer in
        for try await message in request.messages { try await writer.write(message) }
        return [:]
      }
    }
  }
}

/// Bytes are their own message.
public struct BytesSerializer: MessageSerializer {
  /// There is nothing to configure.
  public init() {}

  /// One copy.
  public func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) -> Bytes { Bytes(message) }
}

/// A message is its bytes.
public struct BytesDeserializer: MessageDeserializer {
  /// There is nothing to configure.
  public init() {}

  /// One copy.
  public func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) -> [UInt8] {
    // Within the closure, and copied there.
    unsafe bytes.withUnsafeBytes { unsafe Array($0) }
  }
}
