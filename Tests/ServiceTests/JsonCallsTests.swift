import DitherProto
import DitherService
import DitherStore
import DitherTestSupport
import DitherTransport
import Foundation
import FoundationNetworking
import SwiftProtobuf
import Testing

@Suite("Our own calls as JSON", .serialized) struct JsonCallsTests {
  private static func predict(_ rows: [[Float]]) -> Dither_V1_PredictRequest {
    .with {
      ($0.model, $0.samples, $0.seed) = ("net", 8, 1 << 63)
      ($0.input.type, $0.input.shape) = (.float32, [Int64(rows.count), 6])
      $0.input.data = rows.joined().reduce(into: Data()) { data, value in
        withUnsafeBytes(of: value) { data.append(contentsOf: $0) }
      }
    }
  }

  private static func words(_ data: Data) throws -> [String: String] {
    try JSONDecoder().decode([String: String].self, from: data)
  }

  @Test("a prediction in JSON is the call's own answer") func same() async throws {
    try await AskedServer.with { server in
      let asked = Self.predict([[0, 0.125, 0.25, 0.5, 0.75, 1], [1, 0.5, 0.25, 0.125, 0, 0.0625]])
      let found = try await server.ask("/v1/Inference/Predict", asked.jsonUTF8Data())
      #expect(found.status == 200 && found.head.value(forHTTPHeaderField: "content-type") == "application/json")
      var answer = try Dither_V1_PredictResponse(jsonUTF8Bytes: found.body)
      let call = PredictCall(server.running.services)
      var wanted = try await withCheckedThrowingContinuation { continuation in
        call.answer(asked, Caller(name: "app")) { continuation.resume(with: $0) }
      }
      answer.clearTiming()
      wanted.clearTiming()
      #expect(answer == wanted && answer.predictions.count == 2 && answer.seed == 1 << 63)
      #expect(
        String(decoding: found.body, as: UTF8.self).contains("\"stop_reason\"") || answer.stopReason == .requested)
      // Names in camel case are proto3's other form.
      let models = try await server.ask("/v1/Registry/ListModels", Data(#"{"pageSize": 1}"#.utf8))
      #expect(try Dither_V1_ListModelsResponse(jsonUTF8Bytes: models.body).models.count == 1)
      #expect(try await server.ask("/v1/Registry/ListModels", Data()).status == 200)
    }
  }

  private static let wrongValues = [
    (#"{"model": "net", "samples": -1}"#, "samples: expected a whole number from 0 to 4294967295, got -1"),
    (#"{"samples": 1e30, "model": "net"}"#, "samples: expected a whole number from 0 to 4294967295, got 1e30"),
    (#"{"samples": 1e400}"#, "samples: expected a whole number from 0 to 4294967295, got 1e400"),
    (#"{"input": {"shape": [1, 6, "x", 2]}}"#, "input.shape[2]: expected a whole number from -9223372036854775808"),
    (#"{"input": {"type": "FLOAT31"}}"#, "input.type: expected one of "),
    (#"{"input": {"data": 5}}"#, "input.data: expected text in Base64, got 5"),
    (#"{"input": []}"#, "input: expected an object, as dither.v1.Array is in JSON, got []"),
    (#"{"model": 5}"#, "model: expected text, got 5"),
    (#"{"seed": "many"}"#, #"seed: expected a whole number from 0 to 18446744073709551615, got "many""#),
    ("[1]", "body: expected an object, as dither.v1.PredictRequest is in JSON, got [1]"),
    (#"{"model": "a" "samples": 1}"#, "body: expected dither.v1.PredictRequest as JSON, got text that is no JSON"),
    (#"{"model":"a",}"#, "text that is no JSON: '}' at line 1, column 14"),
    ("{\"model\":\n [1 2]}", "text that is no JSON: '2]}' at line 2, column 5"),
    ("{", "text that is no JSON: it ends at line 1, column 2"),
    (#"{"model": "a"} {}"#, "text that is no JSON: '{}' at line 1, column 16"),
    ("\u{feff}{}", "text that is no JSON: '\\u{feff}{}' at line 1, column 1"),
    (#"{"samples": 01}"#, "samples: expected a whole number from 0 to 4294967295, got 01"),
    (
      #"{"inputs": [{}, {"name": "x", "array": {"shap": [1]}}]}"#,
      "inputs[1].array: expected the fields of dither.v1.Array, got 'shap'; did you mean 'shape'?"
    ),
    (#"{"input": {"typ": 1}}"#, "input: expected the fields of dither.v1.Array, got 'typ'; did you mean 'type'?"),
    (
      #"{"input": {"shape": [\#(String(repeating: "1, ", count: 200_000))"x", -1]}}"#,
      "input.shape[200000]: expected a whole number"
    ),
    (
      #"{"quantiles": [0.5, [0.5]]}"#,
      "quantiles[1]: expected a number, or NaN, Infinity or -Infinity in quotes, got [0.5]"
    ),
    (#"{"input": \#(String(repeating: "[", count: 200_000))"#, "no JSON: it ends at line 1, column 200011"),
  ]

  @Test("a value that no field takes is told with its place", arguments: wrongValues)
  func mistakes(_ body: String, _ words: String) async throws {
    try await AskedServer.with { server in
      let found = try await server.ask("/v1/Inference/Predict", Data(body.utf8))
      let error = try #require(try Self.words(found.body)["error"])
      #expect(found.status == 400 && error.contains(words) && !error.contains("\n"), "\(error)")
    }
  }

  @Test("what is wrong is refused with its status, what was expected and the nearest name") func refused() async throws
  {
    try await AskedServer.with { server in
      for (path, body, token, status, code, part) in [
        ("Inference/Predict", #"{"modle": "net"}"#, server.token, 400, "INVALID_ARGUMENT", "did you mean 'model'?"),
        ("Inference/Predict", #"{"input": {"shpe": [1]}}"#, server.token, 400, "INVALID_ARGUMENT", "'shape'"),
        ("Inference/Predict", "{", server.token, 400, "INVALID_ARGUMENT", "as JSON"),
        ("Registry/GetModel", #"{"model": "nte"}"#, server.token, 404, "NOT_FOUND", "net"),
        ("Registry/SetAlias", "{}", server.token, 403, "PERMISSION_DENIED", "publish"),
        ("Inference/Predict", "{}", "wrong", 401, "UNAUTHENTICATED", "token"),
      ] as [(String, String, String, Int, String, String)] {
        let found = try await server.ask("/v1/\(path)", Data(body.utf8), token: .some(token))
        let words = try Self.words(found.body)
        #expect(found.status == status && words["code"] == code, "\(path) \(body): \(found.status) \(words)")
        #expect(words["error"]?.contains(part) == true, "\(words)")
      }
      for (path, status) in [("Inference/Predict", 405), ("Inference/Nothing", 404)] {
        let found = try await server.ask("/v1/\(path)")
        let isTold = try Self.words(found.body)["error"]?.isEmpty == false
        #expect(found.status == status && isTold, "\(path): \(found.status)")
      }
      let auditor = try await server.running.services.store.tokens.create("slip", roles: ["audit"])
      let slip = try await server.ask("/v1/Robustness/WatchAudit?adit=1", token: .some(auditor))
      let words = try Self.words(slip.body)["error"]
      #expect(slip.status == 400 && words?.hasPrefix("query: ") == true, "\(words ?? "")")
      #expect(words?.contains("got 'adit'; did you mean 'audit'?") == true)
      #expect(try await server.ask("/v1/Registry/Upload", Data()).status == 404)
    }
  }

  @Test("the document has every call that takes one message, and all that it refers to") func document() async throws {
    try await AskedServer.with { server in
      let found = try await server.ask("/v1/openapi.json", token: .some(nil))
      let whole = try #require(JSONSerialization.jsonObject(with: found.body) as? [String: Any])
      let paths = try #require(whole["paths"] as? [String: Any])
      let own = CallMethods.all.filter {
        $0.name.hasPrefix("dither.v1.") && ($0.shape == .unary || $0.shape == .serverStreaming)
      }
      #expect(Set(paths.keys) == Set(own.map { "/v1/" + $0.name.dropFirst("dither.v1.".count) }))
      let parts = try #require(whole["components"] as? [String: Any])
      let schemas = try #require(parts["schemas"] as? [String: Any])
      let text = String(decoding: found.body, as: UTF8.self)
      for reference in text.matches(of: /#\/components\/schemas\/([A-Za-z0-9_.]+)/) {
        #expect(schemas[String(reference.1)] != nil, "\(reference.1)")
      }
      let request = try #require(schemas["dither.v1.PredictRequest"] as? [String: Any])
      let fields = try #require(request["properties"] as? [String: Any])
      #expect(fields.keys.contains("max_samples") && fields.keys.contains("seed"))
    }
  }

  @Test("the document has each event of a stream as an object, whose data is of the call's answer")
  func eventSchemas() async throws {
    try await AskedServer.with { server in
      let document = try await server.ask("/v1/openapi.json", token: .some(nil)).body
      let whole = try JSONDecoder().decode(EventDocument.self, from: document)
      let streams = CallMethods.all.filter { $0.name.hasPrefix("dither.v1.") && $0.shape == .serverStreaming }
      #expect(streams.count == 4)
      for method in streams {
        let item = try #require(whole.paths["/v1/" + method.name.dropFirst("dither.v1.".count)])
        #expect(Set(item.keys) == ["get", "post"])
        for operation in item.values {
          let kinds = try #require(operation.responses["200"]?.content?["text/event-stream"]?.schema.anyOf)
          #expect(kinds.map { $0.properties["event"]?.const } == ["message", "error", "end"])
          let data = kinds.compactMap { $0.properties["data"] }
          #expect(data.map { $0.contentMediaType } == ["application/json", "application/json", nil])
          #expect(
            data.map { $0.contentSchema?["$ref"] } == [
              "#/components/schemas/\(method.messages.response)", "#/components/schemas/Error", nil,
            ])
          #expect(data.last?.const == "{}" && kinds.allSatisfy { Set($0.required) == ["data", "event"] })
        }
      }
    }
  }

  /// As much of the document as tells of events.
  private struct EventDocument: Decodable {
    struct Operation: Decodable { var responses: [String: Response] }
    struct Response: Decodable { var content: [String: Content]? }
    struct Content: Decodable { var schema: Schema }
    struct Schema: Decodable { var anyOf: [Kind]? }
    struct Kind: Decodable {
      var required: [String]
      var properties: [String: Property]
    }
    struct Property: Decodable {
      var const: String?
      var contentMediaType: String?
      var contentSchema: [String: String]?
    }
    var paths: [String: [String: Operation]]
  }

  /// The data of events, in their order, and the name of the last.
  private static func events(_ body: Data) -> (data: [String], last: String) {
    let blocks = String(decoding: body, as: UTF8.self).components(separatedBy: "\n\n").filter { !$0.isEmpty }
    let lines = blocks.map { $0.split(separator: "\n") }
    let data = lines.filter { $0.count == 1 }.map { String($0[0].dropFirst("data: ".count)) }
    return (data, lines.last.flatMap { $0.count == 2 ? String($0[0].dropFirst("event: ".count)) : nil } ?? "")
  }

  @Test("an audit's progress comes as events, and again to who watches it") func events() async throws {
    try await AskedServer.with(roles: ["audit"]) { server in
      let rows = (0..<8).map { row in (0..<6).map { Float(($0 * 3 + row) % 7) / 8 } }
      var audit = Dither_V1_AuditRequest()
      audit.model = "net"
      audit.examples.inputs = Self.predict(rows).input
      audit.examples.labels = (0..<8).map { UInt32($0 % 3) }
      audit.probes = [.with { $0.probe = "clean" }]
      let found = try await server.ask("/v1/Robustness/Audit", audit.jsonUTF8Data())
      #expect(found.status == 200)
      #expect(found.head.value(forHTTPHeaderField: "content-type")?.hasPrefix("text/event-stream") == true)
      let (data, last) = Self.events(found.body)
      let events = try data.map { try Dither_V1_AuditEvent(jsonString: $0) }
      #expect(last == "end" && events.count > 1)
      let id = try #require(events.first?.state.audit)
      let again = try await server.ask("/v1/Robustness/WatchAudit?audit=\(id)")
      #expect(again.status == 200 && Self.events(again.body).last == "end")
      // Refused before anything is sent.
      let none = try await server.ask("/v1/Robustness/WatchAudit?audit=none")
      let words = try Self.words(none.body)
      #expect(none.status == 404 && words["code"] == "NOT_FOUND")
      audit.model = "nobody"
      #expect(try await server.ask("/v1/Robustness/Audit", audit.jsonUTF8Data()).status == 404)
    }
  }
}
