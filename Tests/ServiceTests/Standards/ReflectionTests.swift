import DitherProto
import DitherService
import DitherTransport
import Foundation
import SwiftProtobuf
import Synchronization
import Testing

@Suite("grpc.reflection") struct ReflectionTests {
  private typealias Request = Grpc_Reflection_V1_ServerReflectionRequest
  private typealias Response = Grpc_Reflection_V1_ServerReflectionResponse

  private func ask(_ requests: [Request], _ server: InProcess) async throws -> [Response] {
    let left = Mutex(requests[...]), answers = Mutex<[Response]>([])
    try await ReflectionCall(server.services).answer(
      .init { left.withLock { $0.popFirst() } }, server.caller,
      .init { answer in answers.withLock { $0.append(answer) } })
    return answers.withLock { $0 }
  }

  @Test("every call and both its messages are found, and what is served is what is listed") func symbols() async throws
  {
    let server = try await InProcess()
    let names = CallMethods.all.flatMap { method in
      [method.name.replacing("/", with: "."), method.messages.request, "." + method.messages.response]
    }
    let requests = names.map { name in Request.with { $0.fileContainingSymbol = name } }
    let answers = try await ask([.with { $0.listServices = "" }] + requests, server)
    let served = Set(CallMethods.all.map { String($0.name.prefix { $0 != "/" }) })
    #expect(Set(answers[0].listServicesResponse.service.map(\.name)) == served && served.count == 7)
    for (name, answer) in zip(names, answers.dropFirst()) {
      let files = try answer.fileDescriptorResponse.fileDescriptorProto.map {
        try Google_Protobuf_FileDescriptorProto(serializedBytes: $0)
      }
      let first = try #require(files.first, "\(name)")
      #expect(name.drop { $0 == "." }.hasPrefix(first.package + "."))
      // All that it imports, and all that those import, comes with it.
      #expect(Set(files.flatMap(\.dependency)).isSubset(of: files.map(\.name)))
      #expect(answer.originalRequest.fileContainingSymbol == name)
    }
  }

  @Test("what is not there is told, and the stream goes on") func unknown() async throws {
    let server = try await InProcess()
    let answers = try await ask(
      [
        .with { $0.fileByFilename = "no.proto" }, .with { $0.fileContainingSymbol = "dither.v1.Nothing" }, .init(),
        .with { $0.fileByFilename = "inference/grpc_service.proto" },
        .with { $0.allExtensionNumbersOfType = "inference.ModelInferRequest" },
      ], server)
    #expect(answers.prefix(3).map(\.errorResponse.errorCode) == [5, 5, 3])
    #expect(answers[3].fileDescriptorResponse.fileDescriptorProto.count == 2)
    #expect(answers[4].allExtensionNumbersResponse.extensionNumber.isEmpty)
  }
}
