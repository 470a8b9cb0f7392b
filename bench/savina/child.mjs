// One process of one program, mode and round: child.mjs <program> <layout> <cores> <size> <size of the run before the clock>
import { Stage, load, programs } from './stage.mjs'

const [name, layout, cores, size, first] = process.argv.slice(2)
const program = programs.find(each => each.name === name)
const module = await load(program)
const stage = await Stage.open(layout === 'any' ? layout : Number(layout), Number(cores))
await stage.run(program, module, first)
globalThis.gc()
console.log(JSON.stringify(await stage.run(program, module, size)))
await stage.close()
