# The Julia examples of the pages run in order, and print what the page says.

const BLOCK = r"^```julia\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?"ms

"What the code prints."
function printed(code, namespace)
    path, output = mktemp()
    redirect_stdout(() -> include_string(namespace, code), output)
    flush(output)
    close(output)
    return read(path, String)
end

for page in ("julia.md",)
    blocks = collect(eachmatch(BLOCK, read(joinpath(ROOT, "docs", "guide", page), String)))
    namespace = Module(:Guide)
    Core.eval(namespace, :(using Base; include(path) = Base.include($namespace, path)))
    mktempdir() do folder
        cd(folder) do
            for (number, block) in enumerate(blocks)
                @testset "$page, example $number" begin
                    @test printed(String(block[1]), namespace) == something(block[2], "")
                end
            end
        end
    end
    @testset "$page has examples" begin
        @test length(blocks) >= 5
    end
end
