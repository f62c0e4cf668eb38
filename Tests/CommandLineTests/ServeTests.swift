import DitherBasics
import DitherClient
import DitherGraph
import DitherProto
import DitherTensor
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Testing

@Suite("dither serve", .enabled(if: Program.isBuilt, "dither is not built"))
struct ServeTests {
  /// A server with a model "net" of a few thousand weights, and a data set of noise for it.
  private static func withNet(_ body: (Scratch, _ model: String) async throws -> Void) async throws {
    let scratch = try Scratch(), model = scratch.file("net.onnx")
    try Data(TestNet.onnx()).write(to: URL(filePath: model))
    try TestNet.writeExamples(40, inputs: scratch.file("x.npy"), labels: scratch.file("y.npy"))
    try await body(scratch, model)
  }

  @Test("SIGTERM drains and ends with 0; the ready file is for its owner only")
  func drains() async throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch)
    let mode = try FileManager.default.attributesOfItem(atPath: scratch.file("ready.json"))[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(try server.dither("models", "list", "--json").status == 0)
    server.process.signal(SIGTERM)
    #expect(server.process.end() == 0)
    #expect(try server.dither("models", "list").status == 5)
  }

  @Test("top tells what was answered, and drift what a version's answers are compared with")
  func watching() async throws {
    try await Self.withNet { scratch, model in
      let server = try LiveServer(state: scratch)
      // Without noise: rows of one request would share its draws.
      var graph = try Graph(onnx: Array(Data(contentsOf: URL(filePath: model))))
      graph.noise = nil
      let plain = scratch.file("plain.onnx")
      try Data(graph.onnx()).write(to: URL(filePath: plain))
      #expect(try server.dither("upload", plain, "--name", "net").status == 0)
      // Labels that the model itself gives, but for every fourth.
      try TestNet.writeLabels(120, by: model, inputs: scratch.file("x.npy"), labels: scratch.file("y.npy"))
      let without = try server.dither("models", "drift", "net")
      #expect(without.status == 2 && without.errors.contains("dither calibrate net@1"))
      let calibrated = try server.dither(
        "calibrate", "net", "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"))
      #expect(calibrated.status == 0, "\(calibrated.errors)")
      let asked = try server.dither("predict", "net", "--input", scratch.file("x.npy"), "--json")
      #expect(asked.status == 0, "\(asked.errors)")
      let drift = try server.dither("models", "drift", "net", "--json")
      #expect(drift.status == 0 && drift.output.contains("\"answers\" : 120"), "\(drift.output) \(drift.errors)")
      let top = try server.dither("top", "--json", "--interval", "0.2")
      #expect(top.status == 0 && top.output.contains("net@1") && top.output.contains("\"requests\" : 1"))
      let table = try server.dither("top", "--once", "--interval", "0.2")
      #expect(table.status == 0 && table.output.contains("calls/s") && !table.output.contains("\u{1B}"))
    }
  }

  /// The status of an answer to `GET /readyz`; 0: there was none.
  private static func readiness(port: Int) throws -> Int {
    let connection = try Loopback.connect(port: port)
    defer { close(connection) }
    let request = Array("GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".utf8)
    guard send(connection, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return 0 }
    var answer = [UInt8](repeating: 0, count: 64)
    let count = recv(connection, &answer, answer.count, Int32(MSG_WAITALL))
    let words = String(decoding: answer.prefix(max(count, 0)), as: UTF8.self).split(separator: " ")
    return words.count > 1 ? Int(words[1]) ?? 0 : 0
  }

  @Test("a lame duck says that it leaves, and takes calls until its time is over")
  func lameDuck() async throws {
    let server = try LiveServer(state: try Scratch(), arguments: ["--lame-duck", "10"])
    let client = try await server.client()
    #expect(try Self.readiness(port: server.httpPort) == 200)
    let told = ContinuousClock.now
    server.process.signal(SIGTERM)
    while try Self.readiness(port: server.httpPort) == 200 { try await Task.sleep(for: .milliseconds(20)) }
    #expect(try Self.readiness(port: server.httpPort) == 503)
    // New callers too.
    #expect(try await client.listModels().isEmpty)
    let late = try await server.client()
    #expect(try await late.listModels().isEmpty)
    await client.close()
    await late.close()
    let status = server.process.end()
    #expect(status == 0 && ContinuousClock.now - told >= .seconds(10))
  }

  /// The end into which a server writes its log: full, as nobody reads at the other end, or with no other end.
  private static func unreadPipe(isClosed: Bool) throws -> (log: FileHandle, other: FileHandle?) {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0 && ends.allSatisfy { fcntl($0, F_SETFD, FD_CLOEXEC) == 0 })
    let reading = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
    if isClosed {
      try reading.close()
    } else {
      let flags = fcntl(ends[1], F_GETFL)
      try #require(fcntl(ends[1], F_SETFL, flags | O_NONBLOCK) == 0)
      var byte: UInt8 = 0x2e
      while write(ends[1], &byte, 1) == 1 {}
      try #require(errno == EAGAIN && fcntl(ends[1], F_SETFL, flags) == 0)
    }
    return (FileHandle(fileDescriptor: ends[1], closeOnDealloc: true), isClosed ? nil : reading)
  }

  @Test("a log that nobody reads keeps no caller waiting, and neither the end", arguments: [false, true])
  func unreadLog(isClosed: Bool) async throws {
    let (log, other) = try Self.unreadPipe(isClosed: isClosed)
    let server = try LiveServer(state: try Scratch(), arguments: ["--log-level", "info"], log: log)
    var wrong = server.environment
    wrong["DITHER_TOKEN"] = "dither_unknown"
    let client = try await server.client(), stranger = try await DitherClient.connect(.fromEnvironment(wrong))
    for _ in 0..<20 {
      // A line of the log each.
      #expect(try await client.listModels().isEmpty)
      await #expect { _ = try await stranger.listModels() } throws: { ($0 as? CallError)?.code == .unauthenticated }
    }
    await client.close()
    await stranger.close()
    server.process.signal(SIGTERM)
    let told = ContinuousClock.now
    #expect(server.process.end() == 0)
    #expect(ContinuousClock.now - told < .seconds(20))
    try other?.close()
  }

  @Test("connections of gRPC that end in an error leave no memory behind")
  func brokenConnections() throws {
    func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8] {
      [0, 0, UInt8(payload.count), type, flags, 0, 0, 0, stream] + payload
    }
    let opening = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4)
    // HEADERS of `:method POST`, `:scheme http`, `:path /`, which is no call.
    func headers(_ stream: UInt8) -> [UInt8] { frame(1, flags: 5, stream: stream, [0x83, 0x86, 0x84]) }
    let kinds: [[UInt8]] = [
      headers(1) + [UInt8](repeating: 0xff, count: 9), headers(1) + frame(0, stream: 1, [1]), headers(3) + headers(1),
      frame(1, flags: 5, stream: 1, [UInt8](repeating: 0xff, count: 5)), headers(2), frame(0, [1]),
    ]
    let server = try LiveServer(state: try Scratch(), arguments: ["--insecure"])
    func connect(_ count: Int) throws {
      for number in 0..<count {
        let socket = try Loopback.connect(port: server.grpcPort), bytes = opening + kinds[number % kinds.count]
        defer { close(socket) }
        _ = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        // Not every kind ends the connection by itself.
        shutdown(socket, Int32(SHUT_WR))
        var buffer = [UInt8](repeating: 0, count: 4096)
        while recv(socket, &buffer, buffer.count, 0) > 0 {}
      }
    }
    try connect(120)
    let before = server.peakMegabytes
    try connect(1800)
    // 20 KiB of each would be 35 MB.
    #expect(server.peakMegabytes - before < 12, "\(before) to \(server.peakMegabytes) MB")
  }

  @Test("an upload takes little more memory than the model that it makes")
  func uploadMemory() async throws {
    // So large that each of its copies is the system's own again as soon as it is free; kernels pad other extents to 64.
    let width = 200_000, inputs = 64, builder = GraphBuilder(name: "wide"), x = builder.input("x", [inputs])
    // A file need not hold a number that repeats.
    let weights = Tensor.random([width, inputs], seed: 1, from: -1e-3, to: 1e-3)
    let last = Tensor.random([2, width], seed: 2, from: -1e-6, to: 1e-6)
    let hidden = try builder.relu(builder.dense(x, builder.parameter("w0", weights), nil, name: "fc0"))
    let logits = try builder.dense(hidden, builder.parameter("w1", last), nil, name: "fc1")
    let file = try builder.finish(outputs: [("logits", logits)]).onnx(), size = Double(file.count) / 1e6

    let server = try LiveServer(state: try Scratch()), client = try await server.client()
    let small = try TestNet.onnx()
    _ = try await client.upload(small, as: "net", sha256: Sha256.hash(small).hex)
    let before = server.peakMegabytes
    _ = try await client.upload(file, as: "wide", sha256: Sha256.hash(file).hex)
    // The graph's weights, those that are computed with, and those in the order that kernels like.
    let taken = (server.peakMegabytes - before) / size
    #expect(taken < 4.2, "\(taken) times \(size) MB")
    // In pages of one, they are all there.
    #expect(try await client.listModels(pageSize: 1).map(\.name) == ["net", "wide"])
    await client.close()
  }

  @Test("off loopback it needs a certificate, or --insecure")
  func offLoopback() throws {
    let scratch = try Scratch()
    let result = try Program.run("serve", "--host", "0.0.0.0", "--state", scratch.file("state"))
    #expect(result.status == 2 && result.errors.contains("--insecure"), "\(result.errors)")
  }

  @Test("a port that is taken, a folder that cannot be: said, and nothing is left running")
  func cannotStart() throws {
    let scratch = try Scratch(), other = try Scratch(), server = try LiveServer(state: scratch)
    let port = try #require(server.environment["DITHER_ADDRESS"]?.split(separator: ":").last)
    let taken = try Program.run("serve", "--framed-port", "\(port)", "--state", other.file("state"))
    #expect(taken.status == 5 || taken.status == 2, "\(taken.errors)")
    #expect(taken.errors.contains("\(port)"), "\(taken.errors)")
    let both = try Program.run("serve", "--state", scratch.file("state"))
    #expect(both.status != 0 && both.errors.contains("state"), "\(both.errors)")
    let nowhere = try Program.run("serve", "--state", "/proc/no/such")
    #expect(nowhere.status != 0 && nowhere.errors.contains("/proc/no/such"), "\(nowhere.errors)")
  }

  @Test(
    "ended during an audit, the next start finishes it, and the report is that of an undisturbed run",
    arguments: [SIGKILL, SIGTERM])
  func auditSurvivesTheServer(_ signal: Int32) async throws {
    try await Self.withNet { scratch, model in
      let inputs = try Data(contentsOf: URL(filePath: scratch.file("x.npy"))).suffix(40 * TestNet.inputs * 4)
      let request = Dither_V1_AuditRequest.with {
        $0.model = "net"
        $0.seed = 5
        $0.samples = 8
        $0.examples.inputs.type = .float32
        $0.examples.inputs.shape = [40, Int64(TestNet.inputs)]
        $0.examples.inputs.data = Data(inputs)
        $0.examples.labels = TestNet.labels(40).map(UInt32.init)
        // Long enough to be killed in its course.
        $0.probes = ["0.02", "0.04", "0.06", "0.08", "0.1"].map { epsilon in
          .with {
            $0.probe = "pgd"
            $0.parameters = ["norm": "linf", "epsilon": epsilon, "steps": "250", "draws": "32"]
          }
        }
      }
      // The same key, or the signatures would differ.
      let key = ["--report-key", scratch.file("key.pem")]
      let undisturbed = try LiveServer(state: try Scratch(), arguments: key)
      #expect(try undisturbed.dither("upload", model).status == 0)
      let expected = try await Self.report(of: request, at: undisturbed)

      var server = try LiveServer(state: scratch, arguments: key)
      #expect(try server.dither("upload", model).status == 0)
      var audit = "", shards = 0
      do {
        let client = try await server.client()
        for try await event in client.audit(request) {
          switch event.kind {
          case .state(let state): audit = state.audit
          case .progress(let progress):
            // Another signal would end it at once.
            guard shards == 0 else { continue }
            shards = Int(progress.shardsDone)
            server.process.signal(signal)
          default: break
          }
        }
        Issue.record("the stream outlived its server")
      } catch let error as CallError {
        #expect(error.code == .unavailable)
      }
      #expect(shards > 0)
      let told = ContinuousClock.now
      let status = server.process.end()
      // A shard that runs is left, not waited for.
      #expect(ContinuousClock.now - told < .seconds(15))
      #expect(status == (signal == SIGKILL ? -SIGKILL : 0))
      server = try LiveServer(state: scratch, arguments: key)
      let client = try await server.client()
      var report: Data?
      for try await event in client.watchAudit(audit) {
        if case .report(let found) = event.kind { report = found.json }
      }
      #expect(report == expected)
      await client.close()
    }
  }

  private static func report(of request: Dither_V1_AuditRequest, at server: LiveServer) async throws -> Data {
    let client = try await server.client()
    var report: Data?
    for try await event in client.audit(request) {
      if case .report(let found) = event.kind { report = found.json }
    }
    await client.close()
    return try #require(report)
  }

  @Test("killed during an upload, nothing is visible; the upload goes on where it was")
  func uploadSurvivesTheServer() async throws {
    try await Self.withNet { scratch, path in
      let file = [UInt8](try Data(contentsOf: URL(filePath: path))), sha256 = Sha256.hash(file).hex
      var server = try LiveServer(state: scratch)
      do {
        let client = try await server.client()
        _ = try await client.clientStream(Dither_V1_Registry.upload) { send in
          try await send(
            .with {
              $0.begin.name = "net"
              $0.begin.bytes = UInt64(file.count)
              $0.begin.sha256 = sha256
            })
          try await send(.with { $0.chunk.data = Data(file[..<3000]) })
          while try await client.uploadStatus(name: "net", sha256: sha256).received < 3000 {}
          server.kill()
          try await send(.with { $0.chunk.data = Data(file[3000..<3001]) })
        }
        Issue.record("an upload to a dead server ended well")
      } catch let error as CallError {
        #expect(error.code == .unavailable)
      }
      server = try LiveServer(state: scratch)
      let client = try await server.client()
      #expect(try await client.listModels().isEmpty)
      #expect(try await client.uploadStatus(name: "net", sha256: sha256).received == 3000)
      let answer = try await client.upload(file, as: "net", sha256: sha256)
      #expect(answer.model.digest == "sha256:\(sha256)" && answer.model.version == 1)
      await client.close()
    }
  }

  @Test(
    "the malformed ONNX files are refused with the reason, in bounded memory, and leave no trace",
    .enabled(if: Golden.isPresent, "DITHER_REFERENCE names no folder"))
  func malformedFiles() async throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch), client = try await server.client()
    let folder = try #require(Golden.root).appending(path: "onnx/invalid").path
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
      $0.hasSuffix(".onnx") && !$0.hasPrefix("control_") && !Golden.taken.contains($0)
    }
    #expect(files.count > 20)
    let state = scratch.file("state")
    func blobs() -> [String] {
      (FileManager.default.enumerator(atPath: state)?.compactMap { $0 as? String } ?? []).filter {
        !$0.hasPrefix("dither.sqlite") && !$0.hasPrefix("first-token")
      }.sorted()
    }
    let before = blobs()
    for file in files {
      let bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\(file)")))
      do {
        _ = try await client.upload(bytes, as: "bad", sha256: Sha256.hash(bytes).hex)
        Issue.record("\(file) was taken")
      } catch let error as CallError {
        #expect([.invalidArgument, .resourceExhausted].contains(error.code), "\(file): \(error)")
        #expect(error.message.contains("expected"), "\(file): \(error)")
      }
    }
    #expect(try await client.listModels().isEmpty)
    #expect(blobs() == before)
    #expect(server.peakMegabytes < 400)
    await client.close()
  }

  @Test("predict, models and tokens, as the command line tells them")
  func commands() async throws {
    try await Self.withNet { scratch, model in
      let server = try LiveServer(state: scratch)
      let up = try server.dither("upload", model, "--name", "shop", "--alias", "best", "--json")
      #expect(up.status == 0, "\(up.errors)")
      let answer = try server.dither(
        "predict", "shop:best", "--input", scratch.file("x.npy"), "--samples", "64", "--seed", "7", "--json"
      ).json()
      #expect(answer["model"] as? String == "shop" && answer["version"] as? Int == 1)
      #expect(answer["samples"] as? Int == 64 && answer["seed"] as? Int == 7)
      let predictions = try #require(answer["predictions"] as? [[String: Any]])
      #expect(predictions.count == 40)
      for key in [
        "label", "probabilities", "std", "predictive_entropy", "expected_entropy", "mutual_information",
        "variation_ratio", "standard_error",
      ] {
        #expect(predictions.allSatisfy { $0[key] != nil }, "\(key)")
      }
      #expect(answer["stop_reason"] as? String == "requested")
      #expect(predictions.allSatisfy { ($0["std"] as? [Double])?.count == 3 && $0["margin"] is Double })
      let plain = ["predict", "shop", "--input", scratch.file("x.npy"), "--samples", "0"]
      let still = try #require(
        Program.run(plain + ["--json"], environment: server.environment).json()["predictions"] as? [[String: Any]])
      for key in ["std", "expected_entropy", "mutual_information", "variation_ratio", "standard_error"] {
        #expect(still.allSatisfy { $0[key] == nil }, "\(key)")
      }
      let told = try Program.run(plain, environment: server.environment)
      #expect(told.output.contains("0 samples (deterministic)") && told.output.contains("–"))
      let bounded = try server.dither(
        "predict", "shop", "--input", scratch.file("x.npy"), "--tolerance", "1e-9", "--max-samples", "20")
      #expect(bounded.output.contains("20 samples (the limit: tolerance not met)"))
      #expect(
        try server.dither("predict", "shop", "--input", scratch.file("x.npy"), "--measure", "margins").errors.contains(
          "did you mean 'margin'"))
      #expect(try server.dither("predict", "shop@9", "--input", scratch.file("x.npy")).status == 3)
      #expect(try server.dither("models", "show", "shop", "--json").json()["digest"] != nil)
      #expect(try server.dither("models", "alias", "shop@1", "live").status == 0)
      // Only from where it is thought to stand; 0: only where there is none.
      for (expected, status) in [("1", 0), ("2", 2), ("0", 2)] as [(String, Int32)] {
        let moved = try server.dither("models", "alias", "shop@1", "live", "--expected-version", expected)
        #expect(moved.status == status && (status == 0 || moved.errors.contains("version 1")), "\(moved.errors)")
      }
      #expect(try server.dither("models", "alias", "shop@1", "fresh", "--expected-version", "0").status == 0)

      let made = try Program.run("tokens", "create", "--name", "app", "--state", scratch.file("state"), "--json")
      let token = try #require(try made.json()["token"] as? String)
      let asApp = ["--token", token]
      #expect(
        try Program.run(
          ["predict", "shop", "--input", scratch.file("x.npy")] + asApp, environment: server.environment
        ).status == 0)
      #expect(try Program.run(["models", "remove", "shop"] + asApp, environment: server.environment).status == 4)
      #expect(try server.dither("models", "remove", "shop", "--force").status == 0)
      #expect(try server.dither("predict", "shop", "--input", scratch.file("x.npy")).status == 3)
    }
  }
}
