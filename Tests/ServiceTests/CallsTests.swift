import DitherProto
import DitherService
import DitherTransport
import Foundation
import Testing

@Suite("The calls and the protos")
struct CallsTests {
  /// An `rpc` as a proto declares it.
  private struct Rpc: Hashable {
    var name: String
    var shape: CallShape
    var request: String
    var response: String
  }

  /// Read from the text of all of `protos/`, so that a call that was never generated is missed too.
  private static func declared() throws -> Set<Rpc> {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../protos")
    let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path).map { folder.appending(path: $0) }
    let rpc = /rpc\s+(\w+)\s*\(\s*(stream\s+)?([\w.]+)\s*\)\s*returns\s*\(\s*(stream\s+)?([\w.]+)\s*\)/
    var found: Set<Rpc> = []
    for file in files where file.pathExtension == "proto" {
      let text = try String(contentsOf: file, encoding: .utf8).replacing(/\/\/[^\n]*/, with: "")
      guard let package = text.firstMatch(of: /package\s+([\w.]+)\s*;/)?.1 else { continue }
      for service in text.matches(of: /service\s+(\w+)\s*\{([^}]*)\}/) {
        for call in service.2.matches(of: rpc) {
          let shape: CallShape =
            switch (call.2 != nil, call.4 != nil) {
            case (false, false): .unary
            case (true, false): .clientStreaming
            case (false, true): .serverStreaming
            case (true, true): .bidirectional
            }
          found.insert(
            Rpc(
              name: "\(package).\(service.1)/\(call.1)", shape: shape, request: "\(package).\(call.3)",
              response: "\(package).\(call.5)"))
        }
      }
    }
    return found
  }

  private static func rpc(_ method: any AnyCallMethod) -> Rpc {
    Rpc(
      name: method.name, shape: method.shape, request: method.messages.request, response: method.messages.response)
  }

  @Test("every rpc has exactly one call, of its kind and messages, and every call an rpc")
  func table() throws {
    let declared = try Self.declared(), served = Calls.all.map { Self.rpc($0.anyMethod) }
    #expect(declared.count >= 16)
    #expect(Set(served) == declared)
    #expect(served.count == declared.count, "a call is listed twice")
  }

  @Test("the generated methods are those of the protos")
  func generated() throws {
    let generated = CallMethods.all.map(Self.rpc)
    #expect(Set(generated) == (try Self.declared()) && Set(generated).count == generated.count)
  }

  @Test("every call asks for a known caller, but those that say whether the server is there")
  func policies() {
    let open = Calls.all.filter { $0.policy.isOpen }
    #expect(
      Set(open.map { $0.anyMethod.name }) == [
        "grpc.health.v1.Health/Check", "inference.GRPCInferenceService/ServerLive",
        "inference.GRPCInferenceService/ServerReady",
      ])
    #expect(open.allSatisfy { $0.policy.isVital })
    #expect(Calls.all.allSatisfy { $0.policy.isOpen || !$0.policy.isVital })
  }
}

extension ServedCall {
  fileprivate static var anyMethod: any AnyCallMethod { method }
}
