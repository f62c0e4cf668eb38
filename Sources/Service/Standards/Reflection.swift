import DitherProto
import DitherTransport
import SwiftProtobuf

/// `reflection.v1.ServerReflection`: the files of `protos/` for tools.
package struct ReflectionCall: BidirectionalCall {
  package static let method = Grpc_Reflection_V1_ServerReflection.serverReflectionInfo
  package static let policy = CallPolicy(role: nil, defaultDeadline: .seconds(600))

  package init(_ services: Services) {}

  package func answer(
    _ requests: RequestStream<Grpc_Reflection_V1_ServerReflectionRequest>, _ caller: Caller,
    _ send: ResponseWriter<Grpc_Reflection_V1_ServerReflectionResponse>
  ) async throws {
    while let request = try await requests.next() { try await send(DescriptorIndex.served.answer(request)) }
  }
}

/// `reflection.v1alpha.ServerReflection`: the same messages under their older name.
package struct AlphaReflectionCall: BidirectionalCall {
  package static let method = Grpc_Reflection_V1alpha_ServerReflection.serverReflectionInfo
  package static let policy = ReflectionCall.policy

  package init(_ services: Services) {}

  package func answer(
    _ requests: RequestStream<Grpc_Reflection_V1alpha_ServerReflectionRequest>, _ caller: Caller,
    _ send: ResponseWriter<Grpc_Reflection_V1alpha_ServerReflectionResponse>
  ) async throws {
    while let request = try await requests.next() {
      let same = try Grpc_Reflection_V1_ServerReflectionRequest(serializedBytes: request.serializedData())
      let answer = DescriptorIndex.served.answer(same)
      try await send(.init(serializedBytes: answer.serializedData()))
    }
  }
}

extension DescriptorIndex {
  func answer(_ request: Grpc_Reflection_V1_ServerReflectionRequest) -> Grpc_Reflection_V1_ServerReflectionResponse {
    var response = Grpc_Reflection_V1_ServerReflectionResponse()
    response.validHost = request.host
    response.originalRequest = request
    func tell(_ name: String?, _ wanted: String) {
      if let name, let files = files(from: name) {
        response.fileDescriptorResponse.fileDescriptorProto = files
      } else {
        refuse(.notFound, "nothing here is called '\(wanted.prefix(80))'")
      }
    }
    func refuse(_ code: StatusCode, _ message: String) {
      response.errorResponse.errorCode = Int32(code.rawValue)
      response.errorResponse.errorMessage = message
    }
    switch request.messageRequest {
    case .listServices:
      response.listServicesResponse.service = Health.serviceNames.sorted().map { name in .with { $0.name = name } }
    case .fileByFilename(let name): tell(name, name)
    case .fileContainingSymbol(let symbol): tell(file(of: symbol), symbol)
    case .fileContainingExtension(let wanted):
      refuse(.notFound, "no extension \(wanted.extensionNumber) of '\(wanted.containingType.prefix(80))' here")
    case .allExtensionNumbersOfType(let type):
      if file(of: type) == nil {
        tell(nil, type)
      } else {
        response.allExtensionNumbersResponse.baseTypeName = type
      }
    case nil: refuse(.invalidArgument, "the request asks for nothing")
    }
    return response
  }
}
