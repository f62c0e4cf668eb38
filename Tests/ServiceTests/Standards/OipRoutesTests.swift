import DitherService
import DitherStore
import DitherTestSupport
import Foundation
import FoundationNetworking
import Logging
import Testing

@Suite("The Open Inference Protocol over HTTP", .serialized) struct OipRoutesTests {
  private struct Server: Sendable {
    var server: AskedServer
    var running: RunningServer { server.running }

    func ask(
      _ path: String, _ body: Data? = nil, token: String?? = nil, jsonBytes: Int? = nil
    ) async throws -> (status: Int, body: Data, jsonBytes: Int?) {
      let length = "inference-header-content-length"
      let found = try await server.ask(
        "/v2\(path)", body, token: token, headers: jsonBytes.map { [length: "\($0)"] } ?? [:])
      return (found.status, found.body, found.head.value(forHTTPHeaderField: length).flatMap(Int.init))
    }
  }

  /// With a token of the role `predict`.
  private func with(_ body: (Server) async throws -> Void) async throws {
    try await AskedServer.with { try await body(Server(server: $0)) }
  }

  private static func object(_ data: Data) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private static let question = """
    {"id": "q", "parameters": {"samples": 16, "seed": 3}, "outputs": [OUTPUTS],
     "inputs": [{"name": "x", "shape": [2, 6], "datatype": "FP32"DATA}]}
    """
  private static func question(_ outputs: String, _ data: String) -> Data {
    Data(question.replacing("OUTPUTS", with: outputs).replacing("DATA", with: data).utf8)
  }

  @Test("flat, nested and binary inputs are one question, and binary outputs one answer") func forms() async throws {
    try await with { server in
      let rows: [[Float]] = [[0, 0.125, 0.25, 0.5, 0.75, 1], [1, 0.5, 0.25, 0.125, 0, 0.0625]]
      let nested = "[" + rows.map { "[\($0.map { "\($0)" }.joined(separator: ","))]" }.joined(separator: ",") + "]"
      let flat = "[\(rows.joined().map { "\($0)" }.joined(separator: ","))]"
      let named = #"{"name": "mean"}, {"name": "label"}"#
      var answers: [NSDictionary] = []
      for data in [flat, nested] {
        let found = try await server.ask("/models/net/infer", Self.question(named, ", \"data\": \(data)"))
        #expect(found.status == 200 && found.jsonBytes == nil)
        answers.append(NSDictionary(dictionary: try Self.object(found.body)))
      }
      #expect(answers[0] == answers[1] && answers[0]["id"] as? String == "q")
      let outputs = try #require(answers[0]["outputs"] as? [[String: Any]])
      let mean = try #require(outputs[0]["data"] as? [NSNumber]).map(\.floatValue)
      #expect(outputs[0]["shape"] as? [Int] == [2, 3] && outputs[1]["datatype"] as? String == "INT64")

      let json = Self.question(
        #"{"name": "mean", "parameters": {"binary_data": true}}, {"name": "label"}"#,
        #", "parameters": {"binary_data_size": 48}"#)
      let bytes = rows.joined().reduce(into: Data()) { data, value in
        withUnsafeBytes(of: value) { data.append(contentsOf: $0) }
      }
      let binary = try await server.ask("/models/net/versions/1/infer", json + bytes, jsonBytes: json.count)
      let length = try #require(binary.jsonBytes)
      let raw = binary.body.dropFirst(length).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      #expect(binary.status == 200 && raw == mean)
      let head = try #require(Self.object(binary.body.prefix(length))["outputs"] as? [[String: Any]])
      #expect(head[0]["data"] == nil && (head[0]["parameters"] as? [String: Int])?["binary_data_size"] == 24)
      #expect(head[1]["data"] as? [Int] == outputs[1]["data"] as? [Int])
    }
  }

  @Test("every seed is taken and told, and truth values are numbers") func seeds() async throws {
    try await with { server in
      for seed in [UInt64(1) << 63, .max, 7] {
        let body = """
          {"parameters": {"samples": 4, "seed": \(seed)}, "model_name": "net",
           "inputs": [{"name": "x", "shape": [1, 6], "datatype": "BOOL", "data": [[true, false, true, true, false, true]]}]}
          """
        let found = try await server.ask("/models/net/infer", Data(body.utf8))
        let told = try Self.object(found.body)["parameters"] as? [String: Any]
        #expect(found.status == 200 && (told?["seed"] as? NSNumber)?.uint64Value == seed)
      }
    }
  }

  @Test("errors are JSON, with HTTP's status") func errors() async throws {
    try await with { server in
      func refused(
        _ status: Int, _ words: String, _ path: String, _ body: String? = nil, token: String?? = nil,
        jsonBytes: Int? = nil
      ) async throws {
        let found = try await server.ask(path, body.map { Data($0.utf8) }, token: token, jsonBytes: jsonBytes)
        let told = try Self.object(found.body)["error"] as? String ?? ""
        #expect(found.status == status && told.contains(words), "\(path): \(found.status) \(told)")
      }
      let infer = "/models/net/infer"
      try await refused(401, "no caller", "/models/net", token: .some(nil))
      try await refused(403, "publish", "/repository/models/net/unload", "{}")
      try await refused(404, "'nat'", "/models/nat")
      try await refused(404, "version 7", "/models/net/versions/7/ready")
      try await refused(400, "as JSON", infer, "{")
      try await refused(400, "no 'inputs'", infer, "{}")
      try await refused(
        400, "inputs.0.data", infer, #"{"inputs":[{"name":"x","shape":[1,6],"datatype":"FP32","data":["a"]}]}"#)
      try await refused(
        400, "inputs, 'x': expected 6 values of FP32 for the shape [1, 6], got 1", infer,
        #"{"inputs":[{"name":"x","shape":[1,6],"datatype":"FP32","data":[1]}]}"#)
      try await refused(
        400, "0 to 255", infer, #"{"inputs":[{"name":"x","shape":[1,6],"datatype":"UINT8","data":[256]}]}"#)
      func input(_ shape: String, _ data: String, _ more: String = "") -> String {
        #"{"inputs":[{"name":"x","shape":\#(shape),"datatype":"FP32","data":\#(data)\#(more)}]}"#
      }
      let half = #"{"inputs":[{"name":"x","shape":[1,6],"datatype":"FP16","data":[1,2,3,4,5,6]}]}"#
      try await refused(400, "FP16 as bytes behind it with binary_data_size", infer, half)
      for (type, number) in [("INT64", "9007199254740993"), ("UINT64", "18446744073709551615")] {
        try await refused(
          400, "9007199254740991", infer, half.replacing("FP16", with: type).replacing("6]}", with: "\(number)]}"))
      }
      try await refused(400, "rows of unlike lengths", infer, input("[1,6]", "[[1,2,3,4,5],[6]]"))
      try await refused(400, "nested as [3, 2]", infer, input("[1,6]", "[[1,2],[3,4],[5,6]]"))
      try await refused(400, "true or false", infer, input("[1,6]", "[true,true,true,true,true,true]"))
      try await refused(
        400, "body: expected one of id, inputs, model_name, outputs, parameters, got 'input'; did you mean 'inputs'",
        infer, #"{"inputs":[],"input":1}"#)
      try await refused(
        400, "body.inputs.0: expected one of", infer, input("[1,6]", "[1,2,3,4,5,6]", #","parameter":{}"#))
      try await refused(400, "did you mean 'outputs'", infer, #"{"inputs":[],"output":[]}"#)
      try await refused(400, "bytes of the body", infer, "{}", jsonBytes: 3)
      try await refused(400, "behind the last tensor", infer, #"{"inputs":[]} "#, jsonBytes: 13)
      try await refused(
        400, "binary_data_size", infer,
        #"{"inputs":[{"name":"x","shape":[1,6],"datatype":"FP32","parameters":{"binary_data_size":99}}]}"#,
        jsonBytes: 94)
      let nest = String(repeating: "[", count: 100_000)
      try await refused(
        400, "as JSON", infer, #"{"inputs":[{"name":"x","shape":[1,6],"datatype":"FP32","data":"# + nest)
    }
  }

  /// Shape, type and data of an input of six numbers, and words of the answer.
  private static let mistaken: [(String, String, String, String)] = [
    ("[1,6]", "FP16", "[1,2,3,4,5,6]", "FP16 as bytes behind it with binary_data_size, got FP16 in JSON"),
    ("[1,6]", "BF16", "[1,2,3,4,5,6]", "BF16 as bytes behind it with binary_data_size, got BF16 in JSON"),
    ("[1,6]", "BYTES", #"["a","b","c","d","e","f"]"#, "got the text 'a'; texts (BYTES), NaN and infinities"),
    ("[1,6]", "BYTES", "[1,2,3,4,5,6]", "datatype: expected one of BOOL, "),
    ("[1,6]", "FP32", #"[1,2,"NaN",4,5,6]"#, "body.inputs.0.data.2: expected numbers alone, or true and false alone"),
    ("[1,6]", "FP32", "[1,2,NaN,4,5,6]", "text that is no JSON: 'NaN,4,5,6]"),
    ("[1,6]", "FP32", "[1,2,1e39,4,5,6]", "expected numbers that fp32 holds, got 1e+39 at element 2"),
    ("[1,6]", "FP32", "[1,2,1e400,4,5,6]", "body.inputs.0.data.2: expected numbers"),
    ("[1,6]", "FP32", "[1,2,null,4,5,6]", "body.inputs.0.data.2: expected numbers alone"),
    ("[1,6]", "FP32", "[[1,2,3],4,5,6]", "body.inputs.0.data.1: expected numbers alone"),
    ("[1,6]", "FP32", "5", "body.inputs.0.data: expected numbers alone, or true and false alone, in lists, got 5"),
    ("[1,6]", "FP32", "[1,2,3,4,5]", "inputs, 'x': expected 6 values of FP32 for the shape [1, 6], got 5"),
    ("[1,6]", "FP32", "null", "inputs, 'x': expected 6 values of FP32 for the shape [1, 6], got 0"),
    ("[1,6]", "BOOL", "[true,1,false,0,true,1]", "body.inputs.0.data.1: expected numbers alone"),
    ("[1,6]", "BOOL", "[1,0,2,0,0,0]", "whole numbers from 0 to 1, got 2 at element 2"),
    ("[1,6]", "BOOL", #"["true"]"#, "got the text 'true'"),
    ("[1,6]", "INT8", "[1,2,3,4,5,128]", "whole numbers from -128 to 127, got 128 at element 5"),
    ("[1,6]", "INT64", "[1,2,3,4,5,9007199254740992]", "got 9007199254740992 at element 5; send larger ones as bytes"),
    ("[1,6]", "UINT64", "[1,2,3,4,5,-1]", "from 0 to 9007199254740991, got -1 at element 5"),
    ("[1,1.5]", "FP32", "[1]", "as 1.5 for a whole one"),
    (#"[1,"6"]"#, "FP32", "[1]", "body.inputs.0.shape.1: expected a list of whole numbers, got the text '6'"),
    ("6", "FP32", "[1]", "body.inputs.0.shape: expected a list of whole numbers, got 6"),
  ]

  @Test("values that JSON cannot say, or no model takes, are refused with their place", arguments: mistaken)
  func values(_ shape: String, _ type: String, _ data: String, _ words: String) async throws {
    try await with { server in
      let body = #"{"inputs":[{"name":"x","shape":\#(shape),"datatype":"\#(type)","data":\#(data)}]}"#
      let found = try await server.ask("/models/net/infer", Data(body.utf8))
      let told = try Self.object(found.body)["error"] as? String ?? ""
      #expect(found.status == 400 && told.contains(words) && !told.contains("\n"), "\(found.status) \(told)")
    }
  }

  @Test("half floats come as bytes, as many as their shape says")
  func halves() async throws {
    try await with { server in
      func ask(_ bytes: [UInt8], size: String? = nil) async throws -> (status: Int, told: String) {
        let json = Data(
          #"{"inputs":[{"name":"x","shape":[1,6],"datatype":"BF16","parameters":{"binary_data_size":\#(size ?? "\(bytes.count)")}}]}"#
            .utf8)
        let found = try await server.ask("/models/net/infer", json + Data(bytes), jsonBytes: json.count)
        return (found.status, try Self.object(found.body)["error"] as? String ?? "")
      }
      let ones = [[UInt8]](repeating: [0x80, 0x3F], count: 6).flatMap(\.self)
      #expect(try await ask(ones).status == 200)
      let short = try await ask(ones.dropLast(5))
      #expect(short.status == 400)
      #expect(short.told == "inputs, 'x': expected 6 values of BF16, 2 bytes each, for the shape [1, 6], got 7 bytes")
      let text = try await ask(ones, size: #""12""#)
      #expect(text.status == 400 && text.told.contains("binary_data_size: expected a whole number of bytes"))
    }
  }

  @Test("configuration, unloading and loading, as Triton's clients ask for them") func repository() async throws {
    try await with { server in
      let config = try Self.object(try await server.ask("/models/net/config").body)
      #expect(config["name"] as? String == "net" && config["platform"] as? String == "onnx")
      let input = try #require((config["input"] as? [[String: Any]])?.first)
      #expect(input["name"] as? String == "x" && input["data_type"] as? String == "TYPE_FP32")
      #expect(input["dims"] as? [Int] == [6])
      let about = try Self.object(try await server.ask("").body)
      #expect(about["name"] as? String == "dither" && (about["extensions"] as? [String])?.isEmpty == false)
      let stats = try Self.object(try await server.ask("/models/stats").body)["model_stats"] as? [[String: Any]]
      #expect(stats?.map { $0["name"] as? String } == ["net"])

      let publisher = try await server.running.services.store.tokens.create("publisher", roles: ["publish"])
      func change(_ what: String, _ body: String = "") async throws -> (status: Int, words: String) {
        let found = try await server.ask(
          "/repository/models/\(what)", Data(body.utf8), token: .some(.some(publisher)))
        return (found.status, String(decoding: found.body, as: UTF8.self))
      }
      func states() async throws -> [[String: String]] {
        let index = try await server.ask("/repository/index", Data()).body
        return try #require(JSONSerialization.jsonObject(with: index) as? [[String: String]])
      }
      #expect(try await change("net/unload").status == 200)
      #expect(try await states() == [["name": "net", "version": "1", "state": "UNAVAILABLE", "reason": "unloaded"]])
      #expect(try await server.ask("/models/net/ready").status == 503)
      // Only those that answer.
      let ready = try await server.ask("/repository/index", Data(#"{"ready": true}"#.utf8)).body
      #expect(String(decoding: ready, as: UTF8.self) == "[]")
      #expect(try await change("net/load").status == 200)
      #expect(try await server.ask("/models/net/ready").status == 200)
      #expect(try await states() == [["name": "net", "version": "1", "state": "READY", "reason": ""]])

      for (what, body, status, words) in [
        ("nat/load", "", 404, "'nat'"), ("nat/unload", "", 404, "'nat'"),
        ("net/load", #"{"parameters": {"config": "x"}}"#, 400, "got 'config'"),
        ("net/load", #"{"parametres": {}}"#, 400, "did you mean 'parameters'"), ("net/load", "[", 400, "JSON"),
      ] {
        let found = try await change(what, body)
        #expect(found.status == status && found.words.contains(words), "\(what) \(body): \(found)")
      }
      let other = try await server.ask("/repository/index", Data(#"{"repository_name": "other"}"#.utf8))
      #expect(other.status == 400)
      let slip = try await server.ask("/repository/index", Data(#"{"redy": true}"#.utf8))
      #expect(slip.status == 400 && String(decoding: slip.body, as: UTF8.self).contains("did you mean 'ready'?"))
    }
  }

  @Test("health is for everybody; metadata, figures and index say what is there") func describe() async throws {
    try await with { server in
      for path in ["/health/live", "/health/ready"] {
        #expect(try await server.ask(path, token: .some(nil)).status == 200)
      }
      #expect(try await server.ask("/models/net/ready").status == 200)
      let model = try Self.object(try await server.ask("/models/net").body)
      let input = try #require((model["inputs"] as? [[String: Any]])?.first)
      #expect(input["name"] as? String == "x" && input["shape"] as? [Int] == [-1, 6])
      let stats = try #require(
        Self.object(try await server.ask("/models/net/stats").body)["model_stats"] as? [[String: Any]])
      #expect(stats.count == 1 && stats[0]["inference_count"] as? Int == 0)
      let index = try await server.ask("/repository/index", Data())
      let listed = try #require(JSONSerialization.jsonObject(with: index.body) as? [[String: String]])
      #expect(listed == [["name": "net", "version": "1", "state": "READY", "reason": ""]])
    }
  }
}
