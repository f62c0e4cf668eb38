import DitherBasics
import DitherProto
import DitherStore
import DitherTransport
import Foundation
import SwiftProtobuf

/// The Open Inference Protocol over HTTP, at `/v2`: the calls of `inference.GRPCInferenceService` as JSON.
/// Source: kserve/open-inference-protocol, specification/protocol/inference_rest.md; Triton's extensions, protocol/.
package struct OipRoutes: Sendable {
  let services: Services
  private let health: Health
  private let predicting: Predicting

  package init(_ services: Services) {
    self.services = services
    health = Health(services)
    predicting = Predicting(services)
  }

  var all: [HttpRoute] { (serverRoutes + modelRoutes + repositoryRoutes).map { $0.tellingErrors(as: .json) } }

  private var serverRoutes: [HttpRoute] {
    [
      .always("/v2/health/live") { _ in Self.said("live", true) },
      .always("/v2/health/ready") { [readiness = services.readiness] _ in Self.said("ready", readiness.isReady) },
      HttpRoute(.get, "/v2", .known(nil)) { [self] _, context in
        try Self.json(ServerMetadataCall(services).answer(.init(), Caller(context)))
      },
      HttpRoute(.get, "/v2/models/stats", .known(nil)) { [self] _, context in
        try Self.json(of: OipJsonStatistics(ModelStatisticsCall(services).answer(.init(), Caller(context))))
      },
    ]
  }

  /// Each with and without a version.
  private var modelRoutes: [HttpRoute] {
    ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"].flatMap { path in
      [
        HttpRoute(.get, path, .known(nil)) { [self] request, context in
          let asked = Inference_ModelMetadataRequest.with { ($0.name, $0.version) = Self.model(of: request) }
          return try Self.json(ModelMetadataCall(services).answer(asked, Caller(context)))
        },
        HttpRoute(.get, "\(path)/config", .known(nil)) { [self] request, context in
          let asked = Inference_ModelConfigRequest.with { ($0.name, $0.version) = Self.model(of: request) }
          return try Self.json(ModelConfigCall(services).answer(asked, Caller(context)).config)
        },
        HttpRoute(.get, "\(path)/stats", .known(nil)) { [self] request, context in
          let asked = Inference_ModelStatisticsRequest.with { ($0.name, $0.version) = Self.model(of: request) }
          return try Self.json(of: OipJsonStatistics(ModelStatisticsCall(services).answer(asked, Caller(context))))
        },
        HttpRoute(.get, "\(path)/ready", .known(nil)) { [self] request, context in
          let (name, version) = Self.model(of: request), reference = OipModel.reference(name, version: version)
          let scope = Caller(context).scope, found = try services.registry.resolve(reference, for: scope)
          return Self.said("ready", health.status(of: found.reference, models: scope) == .serving)
        },
        HttpRoute(.post, "\(path)/infer", .known(.predict), bodyBytes: services.limits.messageBytes) {
          [self] request, context in
          let (name, version) = Self.model(of: request)
          return try await infer(
            request.body, jsonBytes: request.headers[OipJsonRequest.lengthHeader], model: name, version: version,
            Caller(context))
        },
      ]
    }
  }

  private var repositoryRoutes: [HttpRoute] {
    [
      HttpRoute(.post, "/v2/repository/index", .known(nil), bodyBytes: 4096) { [self] request, context in
        let asked: Inference_RepositoryIndexRequest = try JsonCalls.message(
          request, advice: "see the Open Inference Protocol's model repository extension")
        let models = try RepositoryIndexCall(services).answer(asked, Caller(context)).models
        return Self.json(of: models.map(OipJsonVersion.init))
      },
      HttpRoute(.post, "/v2/repository/models/{model}/load", .known(.publish), bodyBytes: 4096) {
        [self] request, context in
        var asked = Inference_RepositoryModelLoadRequest()
        asked.modelName = request.parameters["model"] ?? ""
        asked.parameters = try Self.loadParameters(request)
        return try await Self.json(RepositoryModelLoadCall(services).answer(asked, Caller(context)))
      },
      HttpRoute(.post, "/v2/repository/models/{model}/unload", .known(.publish), bodyBytes: 4096) {
        [self] request, context in
        let asked = Inference_RepositoryModelUnloadRequest.with { $0.modelName = request.parameters["model"] ?? "" }
        return try await Self.json(RepositoryModelUnloadCall(services).answer(asked, Caller(context)))
      },
    ]
  }

  /// - Parameter jsonBytes: the value of the header that says how many bytes of the body are JSON.
  package func infer(
    _ body: Data, jsonBytes: String?, model: String, version: String, _ caller: Caller
  ) async throws -> HttpResponse {
    let asked = try OipJsonRequest(body, jsonBytes: jsonBytes, model: model, version: version)
    let query = try PredictionQuery(asked.message), form = try OipAnswerForm(asked.message)
    let answer = try await withCheckedThrowingContinuation { continuation in
      predicting.answer(query, form.bounding(caller)) { continuation.resume(with: $0) }
    }
    let written = try OipJsonAnswer(form.outputs(answer), answer, to: asked)
    guard !written.tail.isEmpty else { return HttpResponse(200, "application/json", [UInt8](written.json)) }
    var response = HttpResponse(200, "application/octet-stream", [UInt8](written.json + written.tail))
    response.headers = [(OipJsonRequest.lengthHeader, "\(written.json.count)")]
    return response
  }

  // MARK: how it is written

  private static let style: JSONEncodingOptions = {
    var style = JSONEncodingOptions()
    style.preserveProtoFieldNames = true
    style.alwaysPrintInt64sAsNumbers = true
    style.useDeterministicOrdering = true
    return style
  }()

  private static func json(_ text: String, status: Int = 200) -> HttpResponse {
    HttpResponse(status, "application/json", Array(text.utf8))
  }
  private static func json(_ message: some Message) throws -> HttpResponse {
    json(try message.jsonString(options: style))
  }
  private static func json(of value: some Encodable) -> HttpResponse { json(jsonText(value)) }
  /// The status says it as well, for probes that read no more.
  private static func said(_ word: String, _ isSo: Bool) -> HttpResponse {
    json("{\"\(word)\":\(isSo)}", status: isSo ? 200 : 503)
  }

  private static func model(of request: HttpRequest) -> (name: String, version: String) {
    (request.parameters["model"] ?? "", request.parameters["version"] ?? "")
  }

  /// Their names: that is what there is to refuse.
  private static func loadParameters(_ request: HttpRequest) throws(ServiceError) -> [String:
    Inference_ModelRepositoryParameter]
  {
    struct Body: OipJsonObject {
      static let keys = ["parameters"]
      var parameters: [String: OipJsonParameter]?
    }
    guard !request.body.isEmpty else { return [:] }
    let body = try OipJsonKnown<Body>.read(request.body, as: "a JSON object with parameters")
    return (body.parameters ?? [:]).mapValues { _ in .init() }
  }
}
