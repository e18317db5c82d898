import Runtime

print(runtimeVersion)
